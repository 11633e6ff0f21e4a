"""How much does a run of a sweep cost on top of its fit, and next to a plain loop? Paired.

Command A is ``gtzan-exp -m model=logreg split=notebook model.C=...``; command B is a plain loop
over the same fits that logs the same to MLflow by hand. Each is run with one and with many values,
in turn; the difference, divided by the number of further runs, is the cost of a run without that of
starting. Without GTZAN_ROOT both run on the synthetic sample.

    python benchmarks/sweep_overhead.py [RUNS] [PAIRS]
"""

from __future__ import annotations

import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from run_overhead import PLAIN, seconds

_FIT = "select avg(value) from latest_metrics where key = 'fit_seconds'"


def main(runs: int, pairs: int) -> None:
    options = ["model=logreg", "view=features", "split=notebook"]
    options += ["data=gtzan"] if os.environ.get("GTZAN_ROOT") else []
    program = [sys.executable, "-m", "gtzan_exp"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        validate = [*program, "validate", *options]
        said = subprocess.run(validate, cwd=folder, check=True, capture_output=True, text=True)
        table = said.stdout.splitlines()[0].partition(": ")[2]
        print(f"table: {'GTZAN' if 'data=gtzan' in options else 'synthetic sample'}")

        def ours(count: int, *more: str) -> float:
            values = ",".join(f"{C}.0" for C in range(1, count + 1))
            return seconds([*program, "-m", *options, f"model.C={values}", *more], folder)

        def plain(count: int) -> float:
            return seconds([sys.executable, str(PLAIN), table, str(count)], folder)

        ours(2), plain(1)  # the first run of each makes its database
        ratios, costs, lean = [], [], []
        for pair in range(1, pairs + 1):
            a, b = ((cost(runs) - cost(1)) / (runs - 1) for cost in (ours, plain))
            ratios.append(a / b)
            costs.append(a)
            without = "tracking.log_model=false"
            lean.append((ours(runs, without) - ours(1, without)) / (runs - 1))
            print(
                f"pair {pair}: gtzan-exp {a:.2f} s a run, plain loop {b:.2f} s, ratio {a / b:.2f};"
                f" gtzan-exp without models {lean[-1]:.2f} s",
                flush=True,
            )
        with sqlite3.connect(folder / "mlruns" / "mlflow.db") as database:
            (fit,) = database.execute(_FIT).fetchone()
    print(f"ratio: median {statistics.median(ratios):.2f} (goal: 1.2)")
    print(
        f"on top of {fit:.2f} s of fitting: {statistics.median(costs) - fit:.2f} s a run,"
        f" {statistics.median(lean) - fit:.2f} s without models (goal: 0.25)"
    )


if __name__ == "__main__":
    main(
        runs=int(sys.argv[1]) if len(sys.argv) > 1 else 20,
        pairs=int(sys.argv[2]) if len(sys.argv) > 2 else 3,
    )
