"""Time `snakemake -n` of projects of 10, 100 and 1,000 captures, 18,000 frames each, beside a bare workflow.

Goals:
- as many jobs, and as much processor time but for noise, whatever the number of frames, if chunks are as many (videos);
- at most twice the processor time of the bare workflow: as many jobs of the same shape, in rules of plain wildcards
  (`planning_project.write_bare`), which is what Snakemake itself needs;
- linear: a job costs at most 1.5 times as much at 1,000 captures as at 100;
- of a plan's time at most a quarter in this project's own functions (`--profile`).

    python -m bench.planning                                  # 10, 100 and 1,000 captures: minutes
    python -m bench.planning --captures 10 100 --datasets 10  # divided among ten datasets, two experiments each
    python -m bench.planning --captures 100 --frames 1800 18000 180000
    python -m bench.planning --captures 100 --profile

Recordings are empty files: planning looks whether they are there, and does not open them. Each plan is a process of its
own, in a folder where nothing is made yet.
"""

import argparse
import os
import pstats
import re
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.planning_project import REPOSITORY, Size, write_bare, write_project

SHOWN = 12  # functions of a profile
PROFILED = """
import cProfile, runpy, sys, time
profile = cProfile.Profile(time.process_time)
kept = sys.argv.pop(1)
try:
    profile.runcall(runpy.run_module, "snakemake", run_name="__main__", alter_sys=True)
finally:
    profile.dump_stats(kept)
"""


@dataclass(frozen=True)
class Planned:
    """What one dry run took."""

    jobs: int
    wall: float
    busy: float
    """processor seconds"""
    megabytes: float
    """largest memory"""

    @property
    def cells(self) -> list[str]:
        per_job = f"{1000 * self.busy / self.jobs:.2f}"
        return [f"{self.jobs:,}", f"{self.wall:.1f}", f"{self.busy:.1f}", per_job, f"{self.megabytes:.0f}"]


def main() -> None:
    parser = argparse.ArgumentParser(description="Time planning.")
    parser.add_argument("--captures", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--frames", type=int, nargs="+", default=[18000], help="of each capture")
    parser.add_argument("--chunks", type=int, default=10, help="of each capture")
    parser.add_argument("--datasets", type=int, default=1, help="among which captures are divided")
    parser.add_argument("--single-pictures", action="store_true", help="a picture a frame in place of videos")
    parser.add_argument("--repetitions", type=int, default=1, help="the least processor time counts")
    parser.add_argument("--profile", action="store_true", help="tell where the time goes, in place of a table")
    arguments = parser.parse_args()
    sizes = [
        Size(captures, frames, arguments.chunks, arguments.datasets, arguments.single_pictures)
        for captures in arguments.captures
        for frames in arguments.frames
    ]
    if arguments.profile:
        for size in sizes:
            _profile(size)
        return
    print("| captures | frames | chunks | datasets | of | jobs | wall s | processor s | ms a job | peak MB |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    ratios = []
    for size in sizes:
        planned = _compare(size, arguments.repetitions)
        if "bare" in planned:
            ratio = planned["project"].busy / planned["bare"].busy
            ratios.append(f"{size.captures} captures of {size.frames} frames: {ratio:.2f}")
    if ratios:
        print(f"project / bare workflow, processor time: {'; '.join(ratios)}")


def _compare(size: Size, repetitions: int) -> dict[str, Planned]:
    told = [f"{size.captures:,}", f"{size.frames:,}", str(size.chunks), str(size.datasets)]
    least: dict[str, Planned] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_project(folder, size)
        write_bare(folder, size)
        for _ in range(repetitions):
            for name, command in (("project", _project(folder)), ("bare", _bare(folder))):
                if name == "bare" and size.single_pictures:
                    continue  # it is of videos
                found = _plan(command)
                least[name] = min(found, least.get(name, found), key=lambda planned: planned.busy)
    for name, planned in least.items():
        print(f"| {' | '.join([*told, name, *planned.cells])} |", flush=True)
    return least


def _project(folder: Path) -> list[str]:
    options = ["--configfile", str(folder / "config.yaml"), "--workflow-profile", str(REPOSITORY / "profiles/default")]
    return [*_snakemake(folder, REPOSITORY / "Snakefile", "eval_psnr"), *options]


def _bare(folder: Path) -> list[str]:
    return _snakemake(folder, folder / "bare.smk", "all")


def _snakemake(folder: Path, snakefile: Path, target: str) -> list[str]:
    told = ["-n", target, "--quiet", "rules", "--cores", "1"]
    return ["-m", "snakemake", *told, "--snakefile", str(snakefile), "--directory", str(folder)]


def _plan(command: list[str]) -> Planned:
    """Run Snakemake by itself (POSIX: what a waited-for child used)."""
    with tempfile.TemporaryFile("w+") as said:
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *command], stdout=said, stderr=subprocess.STDOUT, env=_environment(), cwd=REPOSITORY
        )
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        told = said.read()
    jobs = re.search(r"^total +(\d+)", told, re.MULTILINE)
    if process.returncode != 0 or jobs is None:
        raise RuntimeError(f"snakemake: exit status {process.returncode}\n{told[-4000:]}")
    return Planned(int(jobs[1]), wall, used.ru_utime + used.ru_stime, _megabytes(used))


def _megabytes(used: resource.struct_rusage) -> float:
    return used.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def _environment() -> dict[str, str]:
    known = os.environ.get("PYTHONPATH")
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (str(REPOSITORY), known)))}


def _profile(size: Size) -> None:
    """Tell the share of this project's own functions, with all that they call, and which take most.

    A rule's file itself is Snakemake's to run; what its lines call is the project's own. Importing is nobody's.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_project(folder, size)
        kept = folder / "profile"
        command = ["-c", PROFILED, str(kept), *_project(folder)[2:]]
        planned = _plan(command)
        stats = pstats.Stats(str(kept))
    entered: dict[str, tuple[float, int]] = {}
    for (file, line, name), (_, calls, _, _, callers) in stats.stats.items():  # type: ignore[attr-defined]
        if not _ours(file, name):
            continue
        from_outside = sum(taken[3] for (path, _, caller), taken in callers.items() if _calls(path, caller))
        place = f"{Path(file).relative_to(REPOSITORY)}:{line} {name}"
        entered[place] = from_outside, calls
    total = stats.total_tt  # type: ignore[attr-defined]
    own = sum(seconds for seconds, _ in entered.values())
    print(f"{size.captures} captures, {planned.jobs} jobs: {own:.1f} of {total:.1f} s (profiled) in the project's own")
    print("| function, as Snakemake calls it | calls | s with all that it calls |\n|---|---|---|")
    for place, (seconds, calls) in sorted(entered.items(), key=lambda item: -item[1][0])[:SHOWN]:
        print(f"| `{place}` | {calls:,} | {seconds:.2f} |")


def _ours(file: str, function: str) -> bool:
    return file.startswith(str(REPOSITORY)) and "site-packages" not in file and function != "<module>"


def _calls(file: str, function: str) -> bool:
    """Whether a caller is Snakemake; builtins and pydantic were called by one of the project's own functions."""
    return not _ours(file, function) and file != "~" and "/pydantic/" not in file


if __name__ == "__main__":
    main()
