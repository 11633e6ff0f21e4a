"""The numbers of a track are librosa's, and those that are known of GTZAN's tracks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from gtzan_exp.audio import librosa_loader
from gtzan_exp.audio.features import FEATURE_COLUMNS
from gtzan_exp.explore.analysis import analyse
from gtzan_exp.explore.track_pictures import envelope, log_frequency

librosa = librosa_loader.load()  # one process compiles, the others wait
RATE = 22050
PUBLISHED = {  # id: samples, zero crossings, tempo
    "pop.00036": (661504, 76229, 99.38401442307692),
    "blues.00036": (661794, 24463, None),
    "classical.00036": (661794, 39405, None),
}


@pytest.fixture(scope="module")
def beat_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tone of 440 Hz with a click every half a second: 120 beats per minute, pitch class A."""
    t = np.arange(8 * RATE) / RATE
    clicks = np.exp(-200 * (t % 0.5)) * np.random.default_rng(0).standard_normal(len(t))
    path = tmp_path_factory.mktemp("audio") / "beat.wav"
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * 440 * t) + 0.4 * clicks, RATE, subtype="FLOAT")
    return path


def check_against_librosa(path: Path) -> dict[str, object]:
    y, rate = librosa.load(path)
    sound = analyse("x", None, path, max_seconds=60)
    numbers = sound.numbers()
    assert numbers["sample_rate_hz"] == rate
    assert numbers["samples"] == len(y)
    assert numbers["duration_s"] == pytest.approx(len(y) / rate)
    assert numbers["zero_crossings"] == librosa.zero_crossings(y, pad=False).sum()
    tempo, beats = librosa.beat.beat_track(y=y, sr=rate, units="time")
    assert numbers["tempo_bpm"] == pytest.approx(float(tempo[0]))
    np.testing.assert_allclose(sound.beats, beats)
    assert numbers["rms"] == pytest.approx(np.sqrt(np.mean(np.float64(y) ** 2)))
    stft = np.abs(librosa.stft(y, n_fft=2048, hop_length=512, pad_mode="reflect"))
    assert numbers["stft_shape"] == list(stft.shape)
    np.testing.assert_allclose(sound.spectrum.magnitude, stft, atol=1e-4)
    inner = slice(4, -4)  # librosa pads the ends with zeros here, GTZAN's features mirror them
    mfcc = librosa.feature.mfcc(y=y, sr=rate)
    assert numbers["mfcc_shape"] == list(mfcc.shape)
    np.testing.assert_allclose(sound.mfcc[:, inner], mfcc[:, inner], atol=0.02)
    chroma = librosa.feature.chroma_stft(y=y, sr=rate)
    assert np.abs(sound.chroma - chroma)[:, inner].mean() < 0.01
    rate_of_frames = librosa.feature.zero_crossing_rate(y)[0]
    np.testing.assert_array_equal(sound.crossings_per_second, rate_of_frames * rate)
    whole = len(y) // 512 * 512  # what lies beyond the last whole hop is in neither wave
    np.testing.assert_allclose((sound.harmonic + sound.percussive)[:whole], y[:whole], atol=1e-5)
    assert list(numbers["features"]) == ["length", *FEATURE_COLUMNS]
    return numbers


def test_numbers_are_librosas(beat_file):
    numbers = check_against_librosa(beat_file)
    assert numbers["tempo_bpm"] == pytest.approx(120, abs=4)


@pytest.mark.slow
@pytest.mark.gtzan
def test_numbers_are_those_known_of_gtzan(gtzan_root):
    """Those that the notebook printed; pop.00036 is not in every copy of the audio."""
    table = pd.read_csv(gtzan_root / "features_30_sec.csv")
    table = table.set_index(table["filename"].str.rsplit(".", n=1).str[0])
    folder = gtzan_root / "genres_original"
    found = {id: path for id in PUBLISHED for path in folder.glob(f"*/{id}.*")}
    assert {"blues.00036", "classical.00036"} <= set(found)
    for id, path in found.items():
        numbers = check_against_librosa(path)
        assert numbers["stft_shape"] == [1025, 1293]
        assert numbers["mfcc_shape"] == [20, 1293]
        assert numbers["samples"] == table.loc[id, "length"]
        assert numbers["tempo_bpm"] == pytest.approx(table.loc[id, "tempo"])
        samples, crossings, tempo = PUBLISHED[id]
        assert (numbers["samples"], numbers["zero_crossings"]) == (samples, crossings)
        assert tempo is None or numbers["tempo_bpm"] == pytest.approx(tempo)


def test_no_more_than_max_seconds_is_read(beat_file):
    assert analyse("x", None, beat_file, max_seconds=3).numbers()["samples"] == 3 * RATE


def test_a_wave_keeps_its_extremes():
    y = np.zeros(10_007, np.float32)
    y[5000], y[10_006] = 0.9, -0.7
    starts, low, high = envelope(y, 100)
    assert len(starts) == 100
    assert (high.max(), low.min()) == (y[5000], y[10_006])
    assert high.argmax() == np.searchsorted(starts, 5000, side="right") - 1


def test_rows_of_a_log_spectrogram_are_means_of_their_bins():
    power = np.arange(20.0).reshape(10, 2)
    edges = np.array([5.0, 6.0, 18.0, 45.0, 90.1])
    rows = log_frequency(power, edges, 10.0)
    # bin 1 reaches from 5 to 15 Hz, bin 2 from 15 to 25
    shares = np.array([[1, 0], [9 / 12, 3 / 12]])
    expected = [*(shares @ power[1:3]), np.average(power[2:5], axis=0, weights=[7, 10, 10])]
    expected.append(np.average(power[5:10], axis=0, weights=[10, 10, 10, 10, 5.1]))
    np.testing.assert_allclose(rows, expected)
