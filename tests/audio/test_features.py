"""The features are those of the published table, and librosa's own."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from gtzan_exp.audio.features import FEATURE_COLUMNS, FeatureSettings, extract, segments
from gtzan_exp.audio.sliding_median import sliding_median
from gtzan_exp.audio.tracks import Track, load_audio, scan_tracks
from gtzan_exp.basics.errors import DataError

from .conftest import RATE, music

HPSS_MEANS = {"harmony_mean", "perceptr_mean"}
BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "prepare_speed.py"


@pytest.fixture(scope="module")
def plain_features():
    """Return the loop over librosa that the benchmark compares with."""
    return runpy.run_path(str(BENCHMARK))["plain_features"]


def published(gtzan_root: Path, seconds: int) -> pd.DataFrame:
    table = pd.read_csv(gtzan_root / f"features_{seconds}_sec.csv")
    return table.set_index(table["filename"].str.rsplit(".", n=1).str[0])


def assert_row(ours: dict[str, float], truth: pd.Series, **tolerances: float) -> None:
    assert ours["length"] == truth["length"], truth.name
    for name in FEATURE_COLUMNS:
        near = pytest.approx(truth[name], **{"rel": 1e-4, "abs": 1e-8} | tolerances)
        assert ours[name] == near, (truth.name, name)


def sounds(gtzan_root: Path) -> list[Track]:
    return [t for t in scan_tracks(gtzan_root / "genres_original")[0] if t.id != "jazz.00054"]


@pytest.mark.gtzan
def test_columns_are_those_of_the_published_table(gtzan_root):
    table = pd.read_csv(gtzan_root / "features_30_sec.csv", nrows=1)
    assert ("filename", "length", *FEATURE_COLUMNS, "label") == tuple(table.columns)


@pytest.mark.gtzan
def test_tracks_give_their_published_rows(gtzan_root):
    table = published(gtzan_root, 30)
    for track in sounds(gtzan_root)[::8]:
        assert_row(extract(load_audio(track.path), FeatureSettings()), table.loc[track.id])


@pytest.mark.gtzan
@pytest.mark.slow
def test_all_tracks_and_segments_give_their_published_rows(gtzan_root):
    """Some of the rows of segments were published with three digits."""
    whole, pieces = published(gtzan_root, 30), published(gtzan_root, 3)
    settings, compared = FeatureSettings(), []
    for track in sounds(gtzan_root):
        y = load_audio(track.path)
        assert_row(extract(y, settings), whole.loc[track.id])
        for number, piece in segments(y, 3, settings):
            if (name := f"{track.id}.{number}") in pieces.index:
                assert_row(extract(piece, settings), pieces.loc[name], rel=2.5e-3, abs=3e-6)
                compared.append(name)
    assert (len(sounds(gtzan_root)), len(compared)) == (33, 292)


@pytest.mark.filterwarnings("ignore:Trying to estimate tuning from empty")
@pytest.mark.parametrize(
    "settings",
    [
        FeatureSettings(),
        FeatureSettings(n_fft=1024, hop_length=300, n_mels=64, n_mfcc=13, roll_percent=0.95),
        FeatureSettings(sample_rate=16000, n_fft=4096, hop_length=1024, pad_mode="constant"),
    ],
    ids=["gtzan", "finer", "coarser"],
)
@pytest.mark.parametrize(
    "signal",
    [
        music(4.0, seed=1),
        np.sin(2 * np.pi * 5000 * np.arange(2 * RATE) / RATE).astype(np.float32),
        np.concatenate([np.zeros(RATE, np.float32), music(1.0, seed=2)]),
    ],
    ids=["music", "sine", "half silent"],
)
def test_the_shared_transform_gives_what_librosa_gives_call_by_call(
    plain_features, signal, settings
):
    ours, plain = extract(signal, settings), plain_features(signal, settings)
    assert tuple(ours) == ("length", *settings.columns)
    assert (ours["length"], ours["tempo"]) == (plain["length"], plain["tempo"])
    for name in set(settings.columns) - HPSS_MEANS:
        rel = 1e-3 if name in ("harmony_var", "perceptr_var") else 1e-4
        assert ours[name] == pytest.approx(plain[name], rel=rel, abs=1e-9), name
    for name in HPSS_MEANS:
        assert ours[name] == pytest.approx(plain[name], abs=1e-6)


@pytest.mark.filterwarnings("error")
def test_silence_within_a_track_gives_finite_features_quietly():
    row = extract(np.zeros(66149, np.float32), FeatureSettings())
    assert np.isfinite(list(row.values())).all()
    assert row["tempo"] == row["spectral_centroid_mean"] == row["spectral_bandwidth_var"] == 0


@pytest.mark.parametrize("shape", [(40, 9), (7, 64), (200, 130)])
def test_medians_are_bit_for_bit_those_of_scipy(shape):
    from scipy.ndimage import median_filter

    a = np.random.default_rng(0).standard_normal(shape).astype(np.float32).round(1)
    expected = median_filter(a, size=(31, 1), mode="reflect")
    np.testing.assert_array_equal(sliding_median(a, 31), expected)
    np.testing.assert_array_equal(sliding_median(np.asfortranarray(a), 31), expected)


@pytest.mark.parametrize(
    ("samples", "count"), [(661_794, 10), (661_504, 10), (675_808, 10), (660_000, 9), (66_148, 0)]
)
def test_segments_are_cut_as_the_published_ones(samples, count):
    y = np.arange(samples)
    cuts = list(segments(y, 3, FeatureSettings()))
    assert [i for i, _ in cuts] == list(range(count))
    for i, segment in cuts:
        np.testing.assert_array_equal(segment, y[i * 66150 : i * 66150 + 66149])
        assert len(segment) == 66149


def test_a_signal_shorter_than_half_a_frame_is_refused():
    with pytest.raises(DataError, match="too short"):
        extract(music(0.01), FeatureSettings())


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"hop_length": 1025}, "hop_length must be at most n_fft / 2 = 1024, got 1025"),
        ({"n_mfcc": 129}, "n_mfcc must be at most n_mels = 128, got 129"),
        ({"pad_mode": "wrap"}, "pad_mode"),
        ({"roll_percent": 1.0}, "roll_percent"),
    ],
)
def test_impossible_settings_are_refused(options, complaint):
    with pytest.raises(ValidationError, match=complaint):
        FeatureSettings(**options)
