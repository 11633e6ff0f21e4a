"""How many times faster `prepare` makes GTZAN's features than the usual loop over librosa.

    python benchmarks/prepare_speed.py AUDIO_ROOT [--tracks 8] [--rounds 3]

AUDIO_ROOT holds <genre>/<file>, for example GTZAN's ``genres_original``. Both sides read the same
files from start to end and are timed in turns, so that whatever else the machine does meets both;
the ratio of each round is printed, and their median. Threads are limited to one per process.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import librosa
import numpy as np
from threadpoolctl import threadpool_limits

from gtzan_exp.audio.features import FeatureSettings, extract
from gtzan_exp.audio.prepare import PrepareSettings, prepare
from gtzan_exp.audio.tracks import load_audio, scan_tracks
from gtzan_exp.basics.errors import DataError


def plain_features(y: np.ndarray, settings: FeatureSettings) -> dict[str, float]:
    """Return GTZAN's features the usual way: one call of librosa for each."""
    sr = settings.sample_rate
    hop_length, n_fft, pad_mode = settings.hop_length, settings.n_fft, settings.pad_mode
    frames = {"n_fft": n_fft, "hop_length": hop_length, "pad_mode": pad_mode}
    feature = librosa.feature
    stft = librosa.stft(y, **frames)
    harmonic, percussive = (
        librosa.util.fix_length(librosa.istft(part, hop_length=hop_length), size=len(y))
        for part in librosa.decompose.hpss(stft)
    )
    matrices = {
        "chroma_stft": feature.chroma_stft(y=y, sr=sr, **frames),
        "rms": feature.rms(y=y, frame_length=n_fft, hop_length=hop_length, pad_mode=pad_mode),
        "spectral_centroid": feature.spectral_centroid(y=y, sr=sr, **frames),
        "spectral_bandwidth": feature.spectral_bandwidth(y=y, sr=sr, **frames),
        "rolloff": feature.spectral_rolloff(
            y=y, sr=sr, roll_percent=settings.roll_percent, **frames
        ),
        "zero_crossing_rate": feature.zero_crossing_rate(
            y, frame_length=n_fft, hop_length=hop_length
        ),
        "harmony": harmonic,
        "perceptr": percussive,
    }
    mfccs = feature.mfcc(y=y, sr=sr, n_mfcc=settings.n_mfcc, n_mels=settings.n_mels, **frames)
    matrices |= {f"mfcc{i}": mfcc for i, mfcc in enumerate(mfccs, start=1)}
    onsets = librosa.onset.onset_strength(
        y=y, sr=sr, n_mels=settings.n_mels, aggregate=np.median, **frames
    )
    tempo, _ = librosa.beat.beat_track(onset_envelope=onsets, sr=sr, hop_length=hop_length)
    row = {"length": len(y), "tempo": float(np.squeeze(tempo))}
    for name, matrix in matrices.items():
        row |= {f"{name}_mean": float(matrix.mean()), f"{name}_var": float(matrix.var())}
    return row


def main() -> None:
    """Time both sides in turns and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("audio_root", type=Path)
    parser.add_argument("--tracks", type=int, default=8, help="how many (default: 8)")
    parser.add_argument("--rounds", type=int, default=3, help="how often (default: 3)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, threadpool_limits(limits=1):
        few, _ = _collect(options.audio_root, options.tracks // 4, Path(scratch) / "few")
        all_, paths = _collect(options.audio_root, options.tracks, Path(scratch) / "all")
        print(f"{len(paths)} tracks, {options.rounds} rounds, {os.cpu_count()} cores")
        _compare_numbers(paths)
        _compare_speed(all_, paths, options.rounds)
        for root in (few, all_):
            count = len(list(root.glob("*/*")))
            print(f"peak memory of prepare, 1 process, {count:3} tracks: {_peak_memory(root)} MiB")


def _compare_numbers(paths: list[Path]) -> None:
    """Print how far apart the two sides are, relative to the plain loop."""
    worst = (0.0, "")
    for path in paths:
        y = load_audio(path)
        ours, plain = extract(y, FeatureSettings()), plain_features(y, FeatureSettings())
        names = plain.keys() - {"harmony_mean", "perceptr_mean"}
        apart = {
            name: abs(ours[name] - plain[name]) / max(abs(plain[name]), 1e-30) for name in names
        }
        worst = max(worst, *((value, name) for name, value in apart.items()))
    print(f"largest relative difference, the two HPSS means aside: {worst[0]:.1e} ({worst[1]})")


def _compare_speed(audio_root: Path, paths: list[Path], rounds: int) -> None:
    settings = FeatureSettings()
    sides = {
        "plain librosa loop": lambda: [
            plain_features(librosa.load(path)[0], settings) for path in paths
        ],
        "extract": lambda: [extract(load_audio(path), settings) for path in paths],
        "prepare, 1 process": lambda: _prepare(audio_root, n_jobs=1),
        "prepare, 2 processes": lambda: _prepare(audio_root, n_jobs=2),
    }
    for run in sides.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, run in sides.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    for name, times in seconds.items():
        ratios = [a / b for a, b in zip(seconds["plain librosa loop"], times, strict=True)]
        each = " ".join(f"{ratio:.1f}" for ratio in ratios)
        rate = len(paths) / statistics.median(times)
        print(f"{name:22} {rate:6.2f} tracks/s  x{statistics.median(ratios):5.2f}  ({each})")


def _peak_memory(audio_root: Path) -> int:
    """Return the peak resident memory in MiB of a fresh process that prepares all views."""
    program = (
        "import sys; from pathlib import Path\n"
        "from gtzan_exp.audio.prepare import PrepareSettings, prepare\n"
        "prepare(Path(sys.argv[1]), Path(sys.argv[2]), PrepareSettings(n_jobs=1))\n"
        "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)\n"
    )
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-c", program, audio_root, out]
        return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _collect(audio_root: Path, count: int, scratch: Path) -> tuple[Path, list[Path]]:
    """Link the first readable tracks into a folder of their own."""
    paths = []
    for track in scan_tracks(audio_root)[0]:
        try:
            load_audio(track.path)
        except DataError:
            continue
        path = scratch / track.genre / track.path.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(track.path.resolve())
        paths.append(path)
        if len(paths) == count:
            break
    return scratch, paths


def _prepare(audio_root: Path, *, n_jobs: int) -> None:
    settings = PrepareSettings(views=("features",), segments=(30,), n_jobs=n_jobs)
    with tempfile.TemporaryDirectory() as out:
        prepare(audio_root, Path(out), settings)


if __name__ == "__main__":
    main()
