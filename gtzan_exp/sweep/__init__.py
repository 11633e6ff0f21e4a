"""Sweeps: the parent run, its jobs, and later delivery."""
