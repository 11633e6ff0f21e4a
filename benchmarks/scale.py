"""What does a run cost as the data grows? Time and memory of whole processes, on synthetic data.

``gtzan-exp`` trains, evaluates and records a logistic regression and boosted trees on tables of 3 s
features, and a network on pictures. It starts with an empty cache each time, so all of the table or
the pictures is read and converted; then ``gtzan-exp validate`` reads them again from the cache. In
turn with the tables a plain script of pandas and scikit-learn does the same fit, probabilities and
scores, and records nothing.

Memory is the peak of what the processes hold, less the peak of the same command on 1,000 rows or
100 pictures, which is what the libraries take. The budget is for all resident pages, those of
memory-mapped files included. Fits are short (20 iterations, 20 rounds, 1 epoch): this measures what
data costs, not how good a model is.

    python benchmarks/scale.py [--rows N ...] [--images N ...] [--table CSV] [--plot PNG]

The default sizes need 5 GB of disk for a while. Quickly, leaving the published plot as it is:

    python benchmarks/scale.py --rows 10000 --images 1000 --table try.csv --plot try.png
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from scaling.memory import Cost, cost
from scaling.picture import draw
from scaling.synthetic import write_pictures, write_table

GIB = 2**30
BUDGET = 2.0
TABLE = ["view=features", "view.segment_seconds=3"]
CELLS = {
    "logreg": [*TABLE, "model=logreg", "model.max_iter=20"],
    "xgboost": [*TABLE, "model=xgboost", "trainer.rounds=20"],
    "cnn2d": ["view=spectrograms", "model=cnn2d", "trainer.epochs=1"],
}
SMALLEST = {"logreg": 1_000, "xgboost": 1_000, "cnn2d": 100}
PLAIN = Path(__file__).parent / "plain" / "table.py"
HEAD = "model    program           size   seconds  read again  resident  anonymous  within 2 GiB"
LINE = (
    "{model:<8} {program:<12} {size:>9,} {seconds:>7.1f} s {seconds_read_again:>9.1f} s "
    "{resident_gib:>5.2f} GiB {anonymous_gib:>6.2f} GiB  {within_budget}"
)
DOCS = Path(__file__).parents[1] / "docs"


def measure(rows: list[int], images: list[int], folder: Path) -> Iterator[dict[str, object]]:
    """Yield a line for each model, size and program, the smallest size of each first."""
    environment = {**os.environ, "GTZAN_EXP_CACHE": str(folder / "cache")}
    base: dict[tuple[str, str], Cost] = {}
    for models, sizes in ((("logreg", "xgboost"), rows), (("cnn2d",), images)):
        for size in (SMALLEST[models[0]], *sizes):
            root = folder / "data"
            write = write_pictures if "cnn2d" in models else write_table
            write(root, size)
            for model in models:
                options = [*CELLS[model], "data=folder", f"data.root={root}"]
                options += ["data.name=noise", "+data.synthetic=true"]
                commands = {"gtzan-exp": [sys.executable, "-m", "gtzan_exp", *options]}
                if "cnn2d" not in models:
                    table = str(root / "features_3_sec.csv")
                    commands["plain script"] = [sys.executable, str(PLAIN), table, model, "20"]
                for program, command in commands.items():
                    found = cost(command, folder, environment)
                    first = base.setdefault((model, program), found)
                    if found is first:
                        continue
                    again = float("nan")
                    if program == "gtzan-exp":
                        validate = [*command[:3], "validate", *options]
                        again = cost(validate, folder, environment).seconds
                    yield {
                        "model": model,
                        "program": program,
                        "size": size,
                        "seconds": found.seconds,
                        "seconds_read_again": again,
                        "resident_gib": (found.resident - first.resident) / GIB,
                        "anonymous_gib": (found.anonymous - first.anonymous) / GIB,
                        "libraries_gib": first.resident / GIB,
                        "within_budget": found.resident - first.resident <= BUDGET * GIB,
                    }
                shutil.rmtree(folder / "cache", ignore_errors=True)
            shutil.rmtree(root)


def main() -> None:
    parser = ArgumentParser()
    parser.add_argument("--rows", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--images", type=int, nargs="*", default=[1_000, 10_000, 100_000])
    parser.add_argument("--table", type=Path, default=DOCS / "scale.csv")
    parser.add_argument("--plot", type=Path, default=DOCS / "scale.png")
    arguments = parser.parse_args()
    print(HEAD, flush=True)
    lines = []
    with tempfile.TemporaryDirectory() as name:
        for line in measure(arguments.rows, arguments.images, Path(name)):
            print(LINE.format(**line), flush=True)
            lines.append(line)
    table = pd.DataFrame(lines)
    table.to_csv(arguments.table, index=False, float_format="%.3f")
    for (model, size), pair in table.groupby(["model", "size"]):
        of = pair.set_index("program")
        if len(of) == 2:
            time, memory = (
                of.loc["gtzan-exp", column] / of.loc["plain script", column]
                for column in ("seconds", "resident_gib")
            )
            print(f"{model} on {size:,}, to the plain script: time {time:.2f}, memory {memory:.2f}")
    draw(table, arguments.plot, budget=BUDGET)


if __name__ == "__main__":
    main()
