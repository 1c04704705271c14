"""One thin script a rule; each names its function and nothing else."""
