"""Draw faults at random over sweeps, prepares and syncs, and see whether anything is lost.

    python -m tests.soak [MINUTES] [SEED]

Each round does one thing to a command in a working directory that all rounds share. It must end
in time and without a traceback. Then ``sync`` delivers what is left; no run may stay RUNNING, none
that had finished may be gone, and the files of each are its own. A table is printed at the end.
"""

from __future__ import annotations

import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

PROGRAM = [sys.executable, "-m", "gtzan_exp"]
RUN = ["experiment=smoke", "model=logreg"]
SWEEP = ["-m", *RUN, "seed=0,1", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
PATIENCE = 600.0
RATE = 22050

Said = tuple[int, str]


def command(
    *words: str, room: int | None = None, term_after: float | None = None, env: dict | None = None
) -> Said:
    """Run a command line; its files may have `room` bytes, and SIGTERM comes after some seconds."""

    def limit() -> None:
        if room is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    process = subprocess.Popen(
        [*PROGRAM, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=limit,
        env=os.environ | (env or {}),
    )
    if term_after is not None:
        try:
            process.wait(term_after)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=PATIENCE)
    assert "Traceback (most recent call last)" not in out, out
    return process.returncode, out


def full_disk(draw: random.Random) -> None:
    command(*draw.choice([RUN, SWEEP]), room=draw.randrange(1_000, 2_000_000))


def stopped(draw: random.Random) -> None:
    command(*draw.choice([RUN, SWEEP]), term_after=draw.uniform(0.5, 40.0))


def two_writers(draw: random.Random) -> None:
    where = f"hydra.run.dir=both-{draw.randrange(10**9)}"
    first = subprocess.Popen([*PROGRAM, *RUN, where], stdout=subprocess.DEVNULL)
    code, out = command(*RUN, where)
    codes = sorted([first.wait(PATIENCE), code])
    assert codes in ([0, 0], [0, 2]), out
    assert codes == [0, 0] or "another run or sweep writes there" in out or code == 0, out


def secret(draw: random.Random) -> None:
    uri = draw.choice(
        ["http://me:s3cret@h", "https://s3cret@h", "postgresql+psycopg://h/x?password=s3cret"]
    )
    words, env = draw.choice(
        [([f"tracking.uri={uri}"], {}), (["sync", "--uri", uri], {}), ([], uri)]
    )
    code, out = command(*words, env={"MLFLOW_TRACKING_URI": env} if env else {})
    assert code == 2, out
    assert "s3cret" not in out
    assert len(out.splitlines()) == 1, out


def odd_audio(draw: random.Random) -> None:
    """Prepare a folder with what is no track; the tracks in it are all done."""
    import soundfile

    audio = Path(f"audio-{draw.randrange(10**9)}")
    rng = np.random.default_rng(draw.randrange(2**32))
    (audio / "a").mkdir(parents=True)
    for number in range(2):
        wave = 0.1 * rng.standard_normal(4 * RATE)
        soundfile.write(audio / "a" / f"{number}.wav", wave, RATE)
    faults: dict[str, Callable[[Path], object]] = {
        "pipe.wav": os.mkfifo,
        "zero.mp3": lambda path: path.symlink_to("/dev/zero"),
        "circle.flac": lambda path: path.symlink_to(path.name),
        "above": lambda path: path.symlink_to(audio.absolute()),
        "loud.wav": lambda path: soundfile.write(path, wave * 1e37, RATE, subtype="FLOAT"),
        "slow.wav": lambda path: soundfile.write(path, wave, 1),
        "phone.m4a": lambda path: path.write_bytes(rng.bytes(9000)),
        "0.mp3": lambda path: soundfile.write(path, wave, RATE),
        "._1.wav": lambda path: path.write_bytes(bytes([0, 5, 22, 7]) + rng.bytes(5000)),
        "cover.jpg": lambda path: path.write_bytes(rng.bytes(900)),
    }
    for name in draw.sample(sorted(faults), 5):
        faults[name](audio / "a" / name)
    out = f"data.root={audio}-views"
    code, said = command("prepare", f"data.audio={audio}", out, "n_jobs=1", "segments=[30]")
    assert code in (0, 1), said
    table = pd.read_csv(f"{audio}-views/features_30_sec.csv")
    assert table["filename"].tolist() == ["a.0.wav", "a.1.wav"], said


FAULTS = (full_disk, stopped, two_writers, secret, odd_audio)


def finished() -> set[str]:
    """Return the finished runs, each with its own files; none runs any more."""
    with sqlite3.connect("mlruns/mlflow.db") as store:
        runs = store.execute("SELECT run_uuid, status FROM runs").fetchall()
        marks = dict(store.execute("SELECT run_uuid, value FROM tags WHERE key = 'record_id'"))
    assert "RUNNING" not in {status for _, status in runs}, runs
    for run_id, _ in runs:
        for mark in Path("mlruns").glob(f"artifacts/{run_id}/artifacts/record_id"):
            assert mark.read_text() == marks[run_id], run_id
    return {run_id for run_id, status in runs if status == "FINISHED"}


def main(minutes: float, seed: int) -> None:
    draw, rounds, known = random.Random(seed), Counter(), set()
    end = time.monotonic() + 60 * minutes
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        command(*RUN)
        while time.monotonic() < end:
            fault = draw.choice(FAULTS)
            fault(draw)
            command(*RUN, "seed=99")  # closes what died before anything of it was kept
            for _ in range(2):
                code, said = command("sync")
            assert code == 0, said
            assert "nothing to deliver" in said, said
            now = finished()
            assert known <= now, known - now
            known = now
            rounds[fault.__name__] += 1
            print(f"{fault.__name__}: {len(known)} finished, nothing lost", flush=True)
        os.chdir("/")
    print(pd.Series(rounds, name="rounds").rename_axis("fault").to_string())


if __name__ == "__main__":
    arguments = [*sys.argv[1:], "10", "0"][:2] if len(sys.argv) < 3 else sys.argv[1:]
    main(float(arguments[0]), int(arguments[1]))
