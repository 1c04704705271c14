"""A real SLURM on this machine: two nodes of it, in a folder and on ports of its own, run by whoever runs the tests.

Nothing of the machine is touched, neither /etc/slurm nor a SLURM that is there. Tried with SLURM 22.05 (Debian 12).
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "srun", "squeue", "scancel", "scontrol", "sinfo")
PACKAGES = "slurmctld slurmd slurm-client slurm-wlm-basic-plugins munge"
NODES = ("one", "two")
CPUS = 4  # that each node claims
GPUS = 2  # likewise; nothing answers behind them
PATIENCE = 60  # seconds
ADMINISTRATORS = "/usr/sbin:/sbin:/usr/local/sbin"

# Jobs that finished stay known for an hour, as profiles without accounting need it. Memory is looked at every second.
CONFIGURATION = """\
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmUser={user}
SlurmdUser={user}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/controller
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/controller.pid
SlurmdPidFile={folder}/%n.pid
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=0,bf_interval=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=5
MinJobAge=3600
AccountingStorageType=accounting_storage/none
GresTypes=gpu
{nodes}
PartitionName=cpu Nodes=ALL Default=YES MaxTime=1-00:00:00 State=UP
PartitionName=main Nodes=ALL MaxTime=1-00:00:00 State=UP
PartitionName=gpu Nodes=ALL MaxTime=1-00:00:00 State=UP
PartitionName=urgent Nodes=ALL MaxTime=1-00:00:00 PriorityTier=10 PreemptMode=OFF State=UP
"""


def missing_programs() -> list[str]:
    return [name for name in PROGRAMS if shutil.which(name, path=_path()) is None]


class NoClusterError(Exception):
    """It does not start here."""


class Cluster:
    """Started by `start`; `stop` ends all of its jobs and daemons, and removes its folder."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="slurm-"))  # a socket's path must be short
        self.environment = {
            "PATH": f"{self.folder / 'bin'}:{_path()}",
            "SLURM_CONF": str(self.folder / "slurm.conf"),
        }
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Raises NoClusterError with what the daemons said."""
        self._configure()
        self._run(
            "munged", "--foreground", "--force", f"--key-file={self.folder}/munge.key",
            f"--socket={self.folder}/munge.socket", f"--pid-file={self.folder}/munge.pid",
            f"--seed-file={self.folder}/munge.seed", f"--log-file={self.folder}/munge.log",
        )  # fmt: skip
        self._until((self.folder / "munge.socket").exists, "munged")
        self._run("slurmctld", "-D")
        for node in NODES:
            self._run("slurmd", "-D", "-N", node)
        self._until(lambda: self.said("sinfo", "-h", "-N", "-p", "cpu", "-o", "%T").split() == ["idle"] * 2, "slurmd")

    def stop(self) -> None:
        if "slurmctld -D" in self._daemons:
            for job in self.said("squeue", "-h", "-o", "%A").split():
                self.said("scancel", job)
            until = time.monotonic() + PATIENCE
            while self.said("squeue", "-h", "-t", "R,CG").strip() and time.monotonic() < until:
                time.sleep(0.2)
        for daemon in reversed(self._daemons.values()):
            _end(daemon)
        shutil.rmtree(self.folder, ignore_errors=True)

    def stop_controller(self) -> None:
        """As where the machine that runs it is restarted: jobs go on, nobody answers."""
        _end(self._daemons.pop("slurmctld -D"))

    def start_controller(self) -> None:
        self._run("slurmctld", "-D")
        self._until(lambda: "is UP" in self.said("scontrol", "ping"), "slurmctld")

    def said(self, *command: str) -> str:
        """What a program of SLURM says; nothing, if it fails."""
        done = subprocess.run(
            command, env=os.environ | self.environment, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
        return done.stdout if done.returncode == 0 else ""

    def jobs(self, rule: str = "", states: str = "all") -> list[str]:
        """Numbers of the workflow's jobs, of one rule or group if it is named, the latest last."""
        lines = self.said("squeue", "-h", "-t", states, "-S", "i", "-o", "%i|%k").splitlines()
        rows = [line.split("|") for line in lines]
        return [number for number, name in rows if name.startswith(f"rule_{rule}")]

    def about(self, job: str) -> dict[str, str]:
        """Fields of a job: JobState, Partition, TRES, ..."""
        words = self.said("scontrol", "show", "job", job).split()
        return dict(word.split("=", 1) for word in words if "=" in word)

    def seconds(self, job: str) -> int:
        """How long a job of less than a day has run."""
        hours, minutes, seconds = map(int, self.about(job)["RunTime"].split(":"))
        return 3600 * hours + 60 * minutes + seconds

    def _configure(self) -> None:
        host = socket.gethostname().split(".")[0]
        ports = _free_ports(1 + len(NODES))
        memory = int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 0.45 / 2**20)
        nodes = "\n".join(
            f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={CPUS} RealMemory={memory}"
            f" Gres=gpu:{GPUS} State=UNKNOWN"
            for node, port in zip(NODES, ports[1:], strict=True)
        )
        user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
        text = CONFIGURATION.format(host=host, controller=ports[0], user=user, folder=self.folder, nodes=nodes)
        (self.folder / "slurm.conf").write_text(text)
        gpus = [self.folder / f"gpu{number}" for number in range(GPUS)]
        for gpu in gpus:
            gpu.symlink_to("/dev/null")
        lines = [f"NodeName={','.join(NODES)} Name=gpu File={gpu}" for gpu in gpus]
        (self.folder / "gres.conf").write_text("\n".join(["AutoDetect=off", *lines, ""]))
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        (self.folder / "controller").mkdir()
        # Within a job the plugin starts srun without SLURM_CONF, as it stands with all of SLURM's variables.
        srun = self.folder / "bin/srun"
        srun.parent.mkdir()
        srun.write_text(f'#!/bin/sh\nSLURM_CONF={self.folder}/slurm.conf exec {shutil.which("srun")} "$@"\n')
        srun.chmod(0o755)

    def _run(self, *command: str) -> None:
        name = " ".join(command if command[0] != "munged" else command[:1])
        with_us = ("setpriv", "--pdeathsig", "TERM") if shutil.which("setpriv") else ()  # if the tests are killed
        with (self.folder / f"{command[0]}.log").open("ab") as log:
            self._daemons[name] = subprocess.Popen(
                (*with_us, *command),
                env=os.environ | self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _until(self, ready: Callable[[], bool], program: str) -> None:
        until = time.monotonic() + PATIENCE
        while not ready():
            ended = any(daemon.poll() is not None for daemon in self._daemons.values())
            if ended or time.monotonic() > until:
                said = (self.folder / f"{program}.log").read_text(errors="replace")
                raise NoClusterError(f"{program} {'ended' if ended else 'is not ready'}: {said[-2000:]}")
            time.sleep(0.2)


def _path() -> str:
    return f"{os.environ['PATH']}:{ADMINISTRATORS}"


def _end(daemon: "subprocess.Popen[bytes]") -> None:
    daemon.terminate()
    try:
        daemon.wait(timeout=20)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
