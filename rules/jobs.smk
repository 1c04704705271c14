# How jobs start, here or on a cluster, and what they ask for there.

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

jobs = settings.jobs

# What a training asks SLURM for: SIGTERM so many seconds before its end. It saves and leaves; tried again, it goes on.
# Its shell outlives that signal (`trap`), and so does the Snakemake of its job.
LEAVE_IN_TIME = "--signal=TERM@90"

# Fine-tunings alone are shared by several processes. What starts them reruns nothing, as it is no parameter of a rule.
SHARED_GPUS = jobs.gpu * jobs.processes * jobs.nodes
SHARED = {"slurm_extra": LEAVE_IN_TIME}
launch = "python"
if jobs.nodes > 1:  # one launcher a node; they meet on the first, where the rule's shell runs
    a_node = f" --gpus-per-node={jobs.gpu * jobs.processes}" if jobs.gpu else ""
    # `mpi`: the plugin lets the rule call srun itself. As many tasks as nodes, of `threads` CPUs; not so many a GPU.
    SHARED = {"nodes": jobs.nodes, "mpi": "srun", "tasks": jobs.nodes, "tasks_per_gpu": 0}
    SHARED |= {"slurm_extra": LEAVE_IN_TIME + a_node}
    launch = (
        f"srun --nodes={jobs.nodes} --ntasks-per-node=1 --cpus-per-task={settings.compute.threads}{a_node}"
        f" python -m torch.distributed.run --nnodes={jobs.nodes} --nproc-per-node={jobs.processes}"
        ' --rdzv-backend=c10d --rdzv-endpoint="$(hostname):$((20000 + SLURM_JOB_ID % 10000))"'
        ' --rdzv-id="$SLURM_JOB_ID"'
    )
elif jobs.processes > 1:
    launch = f"python -m torch.distributed.run --standalone --nproc-per-node={jobs.processes}"

# A prefix takes the place of Snakemake's own, without which a failure before `| tee` would go unseen.
prefix = "set -euo pipefail; "
# Threads wait without spinning: where jobs share cores, spinning makes them several times slower.
prefix += 'export OMP_WAIT_POLICY="${{OMP_WAIT_POLICY:-PASSIVE}}"; '
# A job of SLURM to which no GPU was given sees none, whatever stands in its node.
prefix += (
    'if [[ -n "${{SLURM_JOB_ID:-}}" && -z "${{SLURM_GPUS_ON_NODE:-}}" ]]; then'
    ' export CUDA_VISIBLE_DEVICES="${{CUDA_VISIBLE_DEVICES:-}}"; fi; '
)
# Rules say `python`: the one that runs Snakemake, whether or not its environment was activated.
if not workflow.deployment_settings.deployment_method:
    prefix += f'export PATH={shlex.quote(os.path.dirname(sys.executable))}:"$PATH"; '
prefix += f'shared_python() {{{{ {launch} "$@"; }}}}; '
shell.prefix(prefix)


def growing(amount):
    """Memory or minutes of a job that begins anew when it is tried again, with more of both."""
    return lambda wildcards, attempt: amount * attempt


def jobs_at_work():
    """Jobs of SLURM that an earlier run in this folder left at work, by number and rule."""
    if shutil.which("squeue") is None:
        return []
    asked = ["squeue", "--noheader", "--user", str(os.getuid()), "--format", "%i|%Z|%k"]
    told = subprocess.run(asked, capture_output=True, text=True)
    if told.returncode and not workflow.local_exec:
        raise WorkflowError(f"squeue failed; nothing was started\n  {told.stderr.strip()}")
    rows = [line.split("|", 2) for line in told.stdout.splitlines()]
    here = [(number, name) for number, folder, name in rows if Path(folder).resolve() == Path.cwd()]
    return [f"{number}: {name}" for number, name in here if name.startswith(("rule_", "group_"))]


def outlast_outages():
    """Let the plugin ask again later while SLURM does not answer, as when its controller is restarted.

    Version 2.8 forgets all jobs then, and waits for ever. Of jobs that an answer lacks, it takes that they go on.
    """
    slurm = sys.modules.get("snakemake_executor_plugin_slurm")
    if slurm is None:
        return
    ask = slurm.query_job_status

    async def answer(command, logger):
        told, seconds = await ask(command, logger)
        if told is None:
            logger.warning("SLURM does not answer; it is asked again later")
            return {}, 0.0
        return told, seconds

    slurm.query_job_status = answer


# A run that was killed leaves its jobs behind. Beside them, theirs would be done twice, and their results removed.
onstart:
    if at_work := jobs_at_work():
        raise WorkflowError(
            "jobs of an earlier run are at work in this folder; nothing was started. Wait for them, or end them by"
            " scancel\n  " + "\n  ".join(at_work)
        )
    outlast_outages()


# Trainings that finished keep their last state until Snakemake knows of all results.
onsuccess:
    if not any(Path(".snakemake/incomplete").glob("*")):
        for state in Path("state").glob("**/finished.pt"):
            state.unlink()
