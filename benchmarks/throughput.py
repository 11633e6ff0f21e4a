"""How many more jobs does a sweep get done with two workers than with one? Whole processes, paired.

The sweep is ``gtzan-exp -m model=mlp 'model.hidden_layer_sizes=[512]' 'seed=range(JOBS)'``: fits of
seconds, with everything that a run records. It runs with joblib's launcher and one job at a time,
with two workers, and with Hydra's basic launcher; whoever runs alone may use all cores. Starting,
which takes each process seconds, is part of the times. Without GTZAN_ROOT the data is the synthetic
sample.

    python benchmarks/throughput.py [JOBS] [PAIRS]
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

from joblib import Parallel, delayed
from run_overhead import seconds
from threadpoolctl import threadpool_info

WAYS = {
    "one job at a time": ["hydra/launcher=joblib", "hydra.launcher.n_jobs=1"],
    "two workers": ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"],
    "basic launcher": [],
}


def cpu_seconds() -> float:
    """Return the CPU time of all processes that this one has started and seen the end of."""
    usage = getrusage(RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def threads() -> int:
    """Return the most threads that a numerical library takes in this process."""
    import sklearn.svm  # noqa: F401  brings BLAS and OpenMP

    return max(library["num_threads"] for library in threadpool_info())


def main(jobs: int, pairs: int) -> None:
    options = ["model=mlp", "model.hidden_layer_sizes=[512]", "view=features", "split=holdout"]
    options += ["data=gtzan"] if os.environ.get("GTZAN_ROOT") else []
    seeds = f"seed=range({jobs})"
    in_workers = Parallel(n_jobs=2, backend="loky")(delayed(threads)() for _ in range(4))
    print(f"threads of a library: {threads()} in one process, {max(in_workers)} in each worker")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program = [sys.executable, "-m", "gtzan_exp", "-m"]
        seconds([*program, *options, "seed=0"], folder)  # the first run makes the database
        per_minute: dict[str, list[float]] = {way: [] for way in WAYS}
        for pair in range(1, pairs + 1):
            for way, launcher in WAYS.items():
                before = cpu_seconds()
                took = seconds([*program, *options, seeds, *launcher], folder)
                per_minute[way].append(60 * jobs / took)
                print(
                    f"pair {pair}, {way}: {took:.1f} s for {jobs} jobs,"
                    f" {per_minute[way][-1]:.1f} jobs a minute,"
                    f" {(cpu_seconds() - before) / took:.2f} cores busy",
                    flush=True,
                )
    for way in ("one job at a time", "basic launcher"):
        both = zip(per_minute["two workers"], per_minute[way], strict=True)
        ratios = [two / one for two, one in both]
        print(
            f"two workers by {way}: median {statistics.median(ratios):.2f},"
            f" {min(ratios):.2f} to {max(ratios):.2f} (goal: 1.7)"
        )


if __name__ == "__main__":
    main(
        jobs=int(sys.argv[1]) if len(sys.argv) > 1 else 40,
        pairs=int(sys.argv[2]) if len(sys.argv) > 2 else 3,
    )
