"""What the sections of `config.yaml` share: how their keys are checked, and the kinds of names in them."""

import hashlib
import json
import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

FRAME_FIELD = re.compile(r"\{frame(?::(0?\d*)d)?\}")
"""Where a pattern takes a frame's number: {frame}, {frame:4d} or {frame:04d}."""


def _plain_name(name: str) -> str:
    if not name or name.startswith("-") or any(not (c.isalnum() or c in "_-") for c in name):
        raise ValueError(f"{name!r} becomes part of a file's name: use letters, digits, '_' and '-', and no '-' first")
    return name


def _plain_line(words: str) -> str:
    if not words.strip() or words != words.strip() or not (words.isascii() and words.isprintable()):
        raise ValueError(f"{words!r} becomes part of files' headers: use one line of plain ASCII letters and signs")
    return words


def _pattern_with_camera(pattern: str) -> str:
    if "{camera}" not in pattern:
        raise ValueError(f"{pattern!r} must hold {{camera}}, which stands for the camera's name")
    rest = FRAME_FIELD.sub("", pattern.replace("{camera}", ""))
    if "{" in rest or "}" in rest:
        raise ValueError(f"{pattern!r} may hold {{camera}} and {{frame}} (or {{frame:03d}}) but no other braces")
    return pattern


Name = Annotated[str, AfterValidator(_plain_name)]
License = Annotated[str, AfterValidator(_plain_line)]
"""An SPDX identifier such as MIT, or plain words; of several that all hold, joined by AND."""
CameraPattern = Annotated[str, AfterValidator(_pattern_with_camera)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def digest(*sections: BaseModel | str) -> str:
    """Twelve hexadecimal digits that change with any value in the sections."""
    texts = [part if isinstance(part, str) else part.model_dump_json() for part in sections]
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:12]
