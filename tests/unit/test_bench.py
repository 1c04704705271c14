"""The programs that time the network run, and find it equal to its plain peer; planning is timed, too."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


def rows(*command: str) -> list[str]:
    """What a program tells of its turns, without title and head."""
    told = subprocess.run([sys.executable, "-m", *command], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return told.stdout.split("---|\n")[1].splitlines()


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--gains",)])
def test_the_network_and_its_plain_peer_agree_and_are_timed(options):
    assert len(rows("bench.network", "--sizes", "tiny", "--seconds", "0", *options)) == 4


@pytest.mark.slow
def test_the_program_for_the_released_size_runs_tiny_without_a_gpu():
    told = rows("bench.released_network", "--tiny", "--repetitions", "1")
    assert [row.split(" | ")[1] for row in told] == [
        "project",
        "peer",
        "project",
        "peer",
        "project, blocks computed again",
    ]


@pytest.mark.slow
def test_a_project_is_planned_beside_a_bare_workflow_of_its_shape():
    *planned, ratio = rows("bench.planning", "--captures", "2", "--chunks", "3", "--datasets", "2", "--frames", "900")
    ours, bare = (row.strip("| ").split(" | ") for row in planned)
    assert (ours[4], bare[4]) == ("project", "bare")
    assert abs(int(ours[5]) - int(bare[5])) <= 2
    assert ratio.startswith("project / bare workflow, processor time: 2 captures of 900 frames: ")
