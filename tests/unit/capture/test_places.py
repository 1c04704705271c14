"""Key points of a laboratory take the place of the hull's middle, once they are where the masks see the animal."""

from pathlib import Path

import pandas as pd
import pytest
import torch

from tests.unit.capture.conftest import FRAMES, Laboratory
from tests.whole_capture import measure_here


def write_points(laboratory: Laboratory, shift: float = 3.0, unit: float = 1.0, first: int = 0) -> Path:
    """Two points about the ball's center, as Anipose writes them."""
    columns: dict[str, list[float]] = {"fnum": [float(n + first) for n in range(FRAMES)]}
    for name, sign in (("nose", 1.0), ("tail", -1.0)):
        for axis, letter in enumerate("xyz"):
            offset = shift + sign if axis == 0 else 0.0
            columns[f"{name}_{letter}"] = ((laboratory.centers[:, axis] + offset) / unit).tolist()
        columns |= {f"{name}_error": [0.5] * FRAMES, f"{name}_ncams": [4.0] * FRAMES, f"{name}_score": [0.9] * FRAMES}
    path = laboratory.folder / "points.csv"
    pd.DataFrame(columns).to_csv(path, index=False)
    return path


def section(path: Path, unit: float = 1.0) -> dict[str, object]:
    return {"path": str(path), "format": None, "millimeters_per_unit": unit, "points": ["nose", "tail"], "least": 2}


def test_the_animal_is_where_its_key_points_are(laboratory: Laboratory) -> None:
    laboratory.write_videos()
    path = write_points(laboratory, unit=10.0)
    found = measure_here(laboratory.capture(key_points=section(path, 10.0)), laboratory.folder / "out").frames
    assert found is not None
    centers = torch.tensor([subject.center for subject in found.subjects], dtype=torch.float64)
    shift = torch.tensor([3.0, 0.0, 0.0], dtype=torch.float64)
    torch.testing.assert_close(centers, laboratory.centers[[0, 2, 4]] + shift, rtol=0, atol=1e-6)
    hull = measure_here(laboratory.capture(), laboratory.folder / "out").frames
    assert hull is not None
    assert found.subjects[0].radius == pytest.approx(hull.subjects[0].radius + 3, abs=0.5)


@pytest.mark.parametrize(
    ("changes", "unit", "words"),
    [
        ({"shift": 200.0}, 1.0, "times the animal's radius from where the masks see it"),
        ({}, 1000.0, r"another world, unit \(millimeters_per_unit is 1000.0\)"),
        ({"first": 100}, 1.0, "frames: found 100 to 104, none of which, of those asked for"),
    ],
)
def test_key_points_of_another_recording_are_refused(
    changes: dict[str, float], unit: float, words: str, laboratory: Laboratory
) -> None:
    laboratory.write_videos()
    path = write_points(laboratory, **changes)
    with pytest.raises(ValueError, match=words):
        measure_here(laboratory.capture(key_points=section(path, unit)), laboratory.folder / "out")


def test_a_point_that_is_not_there_is_named(laboratory: Laboratory) -> None:
    laboratory.write_videos()
    wrong = section(write_points(laboratory)) | {"points": ["nose", "ear"]}
    with pytest.raises(ValueError, match=r"points\.csv: no key point \['ear'\]"):
        measure_here(laboratory.capture(key_points=wrong), laboratory.folder / "out")
