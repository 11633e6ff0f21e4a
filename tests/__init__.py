"""Tests, in folders like those of the package."""

ONE_CORE = (
    "OMP_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "LOKY_MAX_CPU_COUNT",
)
"""Variables that are 1 where a process is to use one core."""
