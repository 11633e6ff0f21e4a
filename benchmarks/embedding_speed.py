"""How fast `prepare` embeds tracks with musicnn, against one `model.predict` a patch.

Run it with ``python benchmarks/embedding_speed.py [folder of <genre>/<file>]``; without a folder it
uses synthetic tracks of 30 s. It needs ``make embeddings``. The plain script reads each file with
`librosa.load` at 16 kHz, takes `librosa.feature.melspectrogram`, and asks the network for one patch
of 3 s after the other. Both give the same vectors, which is checked. They take turns, and the ratio
of each pair is what counts.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

from gtzan_exp.audio import librosa_loader
from gtzan_exp.audio.prepare import PrepareSettings
from gtzan_exp.audio.tracks import Track, scan_tracks
from gtzan_exp.basics import keras_loader
from gtzan_exp.basics.errors import GtzanExpError
from gtzan_exp.basics.genres import GENRES
from gtzan_exp.data.vector_file import read_vectors
from gtzan_exp.embed.musicnn import FRAMES, MELS, Musicnn, _network
from gtzan_exp.embed.prepare import prepare_embeddings
from gtzan_exp.sample.synthetic import synthesize

PAIRS = 3
RATE = 16000


def plain_script(tracks: list[Track]) -> dict[str, np.ndarray]:
    """Embed tracks the plain way; return the penultimate vector of each."""
    keras = keras_loader.load()
    librosa = librosa_loader.load()

    network = _network("MSD_musicnn").__self__
    assert isinstance(network, keras.Model)
    found = {}
    for track in tracks:
        y, _ = librosa.load(track.path, sr=RATE)
        mel = librosa.feature.melspectrogram(y=y, sr=RATE, n_fft=512, hop_length=256, n_mels=MELS)
        level = np.log10(1 + 1e4 * mel.T)
        patches = [level[i : i + FRAMES] for i in range(0, len(level) - FRAMES + 1, FRAMES)]
        vectors = [network.predict(patch[None], verbose=0)["penultimate"] for patch in patches]
        found[track.id] = np.mean(vectors, axis=0)[0]
    return found


def product(audio_root: Path) -> dict[str, np.ndarray]:
    with tempfile.TemporaryDirectory() as out:
        settings = PrepareSettings(views=("embeddings",))
        prepare_embeddings(audio_root, Path(out), settings, Musicnn())
        held = read_vectors(Path(out) / "embeddings_MSD_musicnn.parquet")
    return dict(zip(held.names, held.vectors, strict=True))


def main() -> None:
    try:
        Musicnn().weights()
    except GtzanExpError as error:
        print(f"skipped: {error}")
        return
    with tempfile.TemporaryDirectory() as place:
        if len(sys.argv) > 1:
            audio_root = Path(sys.argv[1])
        else:
            audio_root = Path(place)
            for genre in GENRES:
                (audio_root / genre).mkdir()
                for index in range(2):
                    y = synthesize(genre, index, seconds=30)
                    soundfile.write(audio_root / genre / f"{genre}.{index:05}.wav", y, 22050)
        tracks = scan_tracks(audio_root)[0]
        seconds = sum(soundfile.info(track.path).duration for track in tracks)
        plain_script(tracks[:1]), product(audio_root)  # imports, and the start of the workers
        ratios = []
        for _ in range(PAIRS):
            start = time.perf_counter()
            plain = plain_script(tracks)
            middle = time.perf_counter()
            ours = product(audio_root)
            taken = middle - start, time.perf_counter() - middle
            ratios.append(taken[0] / taken[1])
            print(f"plain {taken[0]:.1f} s, prepare {taken[1]:.1f} s, ratio {ratios[-1]:.2f}")
            for id, vector in plain.items():
                np.testing.assert_allclose(ours[id], vector, rtol=1e-3, atol=1e-4)
    speed, ratio = seconds / taken[1], statistics.median(ratios)
    print(
        f"{len(tracks)} tracks, {seconds:.0f} s of sound: prepare is {speed:.0f} times as fast as "
        f"it plays, and {ratio:.1f} times as fast as the plain script"
    )


if __name__ == "__main__":
    main()
