"""How many more jobs does a sweep get done with two workers than with one? Whole processes, paired.

Each sweep is ``gtzan-exp -m ... 'seed=range(JOBS)'`` with joblib's launcher: fits of seconds, with
everything that a run records, one job at a time and with two workers. A linear SVM fits in one
thread: the goal is 1.7. An MLP takes all cores where it is alone, so a second worker has less to
win. Starting, which takes each process seconds, is part of the times. Without GTZAN_ROOT the data
is the synthetic sample.

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

SWEEPS = {
    "linear_svc, one thread": [
        "model=linear_svc",
        "view=spectrograms",
        "view.height=32",
        "view.width=32",
    ],
    "mlp, threads of its own": ["model=mlp", "model.hidden_layer_sizes=[512]"],
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
    data = ["data=gtzan"] if os.environ.get("GTZAN_ROOT") else []
    in_workers = Parallel(n_jobs=2, backend="loky")(delayed(threads)() for _ in range(4))
    print(f"threads of a library: {threads()} in one process, {max(in_workers)} in each worker")
    joblib = [f"seed=range({jobs})", "hydra/launcher=joblib"]
    for name, options in SWEEPS.items():
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "gtzan_exp", "-m", *data, *options]
            seconds([*command, "seed=0"], Path(folder))  # the first run makes the database
            ratios = []
            for pair in range(1, pairs + 1):
                took = {}
                for workers in (1, 2):
                    before = cpu_seconds()
                    launch = [*joblib, f"hydra.launcher.n_jobs={workers}"]
                    took[workers] = seconds([*command, *launch], Path(folder))
                    busy = (cpu_seconds() - before) / took[workers]
                    print(
                        f"{name}, pair {pair}, workers {workers}: {took[workers]:.1f} s for {jobs}"
                        f" jobs, {60 * jobs / took[workers]:.1f} jobs a minute, {busy:.2f} cores"
                        " busy",
                        flush=True,
                    )
                ratios.append(took[1] / took[2])
        median = statistics.median(ratios)
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        print(f"{name}: two workers by one: median {median:.2f}, {spread}")


if __name__ == "__main__":
    main(
        jobs=int(sys.argv[1]) if len(sys.argv) > 1 else 32,
        pairs=int(sys.argv[2]) if len(sys.argv) > 2 else 1,
    )
