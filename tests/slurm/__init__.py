"""On a real SLURM, where there is one."""
