"""Many cells: the parent run, its jobs, and what is delivered later."""
