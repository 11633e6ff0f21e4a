"""How much does a run cost beyond reading, fitting and logging? Whole processes, paired.

Command A is ``gtzan-exp model=logreg view=features split=notebook``; command B is a plain script
that does the same work by hand: it reads the same table, fits the same model to the same rows and
logs the same parameters, metrics, tables, pictures and model to MLflow. They run in turn, and the
ratio is taken pair by pair. Without GTZAN_ROOT both run on the synthetic sample.

    python benchmarks/run_overhead.py [PAIRS]
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

PLAIN = Path(__file__).parent / "plain" / "logreg.py"


def seconds(command: list[str], folder: Path) -> float:
    """Return the wall-clock time of one whole process."""
    started = perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return perf_counter() - started


def main(pairs: int) -> None:
    options = ["model=logreg", "view=features", "split=notebook"]
    options += ["data=gtzan"] if os.environ.get("GTZAN_ROOT") else []
    ours = [sys.executable, "-m", "gtzan_exp", *options]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        result = subprocess.run(
            [sys.executable, "-m", "gtzan_exp", "validate", *options],
            cwd=folder,
            check=True,
            capture_output=True,
            text=True,
        )
        table = result.stdout.splitlines()[0].partition(": ")[2]
        plain = [sys.executable, str(PLAIN), table]
        print(f"table: {'GTZAN' if 'data=gtzan' in options else 'synthetic sample'}")
        for command in (ours, plain):  # the first run of each makes its database
            seconds(command, folder)
        ratios = []
        for pair in range(1, pairs + 1):
            a, b = seconds(ours, folder), seconds(plain, folder)
            ratios.append(a / b)
            print(f"pair {pair}: gtzan-exp {a:.2f} s, plain script {b:.2f} s, ratio {a / b:.2f}")
    median = statistics.median(ratios)
    print(f"ratio: median {median:.2f}, {min(ratios):.2f} to {max(ratios):.2f} (bound: 1.25)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
