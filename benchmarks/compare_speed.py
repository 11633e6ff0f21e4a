"""How long does it take to read and compare many recorded runs in SQLite? Whole processes.

Four small runs on the synthetic sample are recorded, then copied inside the database, with
everything that MLflow keeps of them, until there are as many as asked for. The copies get further
metrics and parameters up to 70 and 60, which is more than most runs have.

    python benchmarks/compare_speed.py [RUNS]
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from time import perf_counter

METRICS, PARAMS = 70, 60
COMMAND = [sys.executable, "-m", "gtzan_exp"]


def copy_runs(database: Path, total: int) -> None:
    """Copy the recorded runs until there are `total`."""
    with closing(sqlite3.connect(database)) as store, store:
        originals = [row[0] for row in store.execute("SELECT run_uuid FROM runs")]
        for run in originals:
            fill = (
                ("params", "(run_uuid, key, value)", PARAMS),
                ("latest_metrics", "(run_uuid, key, value, timestamp, step, is_nan)", METRICS),
            )
            for table, columns, wanted in fill:
                count = f"SELECT count(*) FROM {table} WHERE run_uuid = ?"
                (there,) = store.execute(count, (run,)).fetchone()
                marks = "(?, ?, 0.5)" if table == "params" else "(?, ?, 0.5, 0, 0, 0)"
                rows = [(run, f"more/{number}") for number in range(max(0, wanted - there))]
                store.executemany(f"INSERT INTO {table} {columns} VALUES {marks}", rows)
        for number in range(total - len(originals)):
            run, copy = originals[number % len(originals)], f"{number:032x}"
            for table in ("runs", "params", "tags", "latest_metrics"):
                names = [row[1] for row in store.execute(f"PRAGMA table_info({table})")]
                chosen = ", ".join("?" if name == "run_uuid" else name for name in names)
                store.execute(
                    f"INSERT INTO {table} ({', '.join(names)}) "
                    f"SELECT {chosen} FROM {table} WHERE run_uuid = ?",
                    (copy, run),
                )


def main(total: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sweep = ["-m", "model=logreg,svc", "seed=0,1", "tracking.log_model=false"]
        subprocess.run([*COMMAND, *sweep], cwd=folder, check=True, capture_output=True)
        copy_runs(folder / "mlruns" / "mlflow.db", total)
        for label, more in (("table alone", ["record=false"]), ("with page and record", [])):
            started = perf_counter()
            subprocess.run([*COMMAND, "compare", *more], cwd=folder, check=True)
            print(f"{total} runs, {label}: {perf_counter() - started:.1f} s (bound: 30 s)\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
