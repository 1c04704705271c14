"""Manifests: typed JSON files that stand between two rooms."""

from pathlib import Path
from typing import TypeVar

import torch
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, ValidationError
from torch import Tensor

from mouse_facelift.formats.texts import read_text
from mouse_facelift.formats.whole import write_text_whole

Vector = tuple[float, float, float]
Matrix3 = tuple[Vector, Vector, Vector]
Vector4 = tuple[float, float, float, float]
Matrix4 = tuple[Vector4, Vector4, Vector4, Vector4]


ManifestType = TypeVar("ManifestType", bound="Manifest")


class Record(BaseModel):
    """A part of a manifest. Unknown keys are refused, numbers are finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Manifest(Record):
    """A whole file."""

    def write(self, path: Path) -> None:
        """Write JSON, whole or not at all."""
        write_text_whole(path, self.model_dump_json(indent=1) + "\n")

    @classmethod
    def read(cls: type[ManifestType], path: Path) -> ManifestType:
        """Read and check a manifest.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: names the file and every field that is wrong.
        """
        text = read_text(path)
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}" for problem in error.errors()[:5]
            )
            raise ValueError(f"{path}: not a {cls.__name__} manifest: {problems}") from None


def matrices(values: Float[Tensor, "view row column"]) -> list[list[list[float]]]:
    """Turn matrices to nested lists, exactly."""
    listed: list[list[list[float]]] = values.double().tolist()
    return listed


def tensor(values: object) -> Float[Tensor, "..."]:
    """Turn nested lists of numbers to a float64 tensor."""
    return torch.tensor(values, dtype=torch.float64)
