"""The pictures: Kaggle's own in its style, and correct decibels by default."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from gtzan_exp.audio import librosa_loader
from gtzan_exp.audio.features import FeatureSettings
from gtzan_exp.audio.spectrograms import SpectrogramSettings, encode_png, render
from gtzan_exp.audio.spectrum import Spectrum
from gtzan_exp.audio.tracks import load_audio, scan_tracks
from gtzan_exp.basics.errors import ConfigError

from .conftest import RATE, music


def levels(image: np.ndarray) -> np.ndarray:
    """Return which of magma's 256 colours each pixel is nearest to."""
    import matplotlib

    magma = np.rint(matplotlib.colormaps["magma"](np.arange(256))[:, :3] * 255)
    pixels = image[..., :3].reshape(-1, 3).astype(float)
    distance = (pixels**2).sum(1)[:, None] - 2 * pixels @ magma.T + (magma**2).sum(1)
    return distance.argmin(1).reshape(image.shape[:2])


def check_published(root: Path, ids: Iterable[str]) -> None:
    """Compare with Kaggle's own pictures: corners of the frame and rounded levels may differ."""
    import cv2

    for id in ids:
        (path,) = (root / "genres_original").glob(f"*/{id}.*")
        name = f"images_original/{path.parent.name}/{id.replace('.', '')}.png"
        published = cv2.imread(str(root / name), cv2.IMREAD_UNCHANGED)
        published = cv2.cvtColor(published, cv2.COLOR_BGRA2RGBA)
        ours = render(load_audio(path), SpectrogramSettings(style="kaggle"))
        assert ours.shape == published.shape
        difference = np.abs(ours.astype(int) - published).max(axis=2)
        assert (difference > 1).sum() < 30, id
        assert difference.max() <= 32, id
        assert np.abs(ours.astype(int) - published)[..., :3].mean() < 0.002, id


@pytest.mark.gtzan
def test_kaggle_style_is_that_of_kaggles_own_pictures(gtzan_root):
    check_published(gtzan_root, ["classical.00036", "disco.00000", "metal.00001"])


@pytest.mark.slow
@pytest.mark.gtzan
def test_all_pictures_of_tracks_that_are_there_are_kaggles_own(gtzan_root):
    tracks = scan_tracks(gtzan_root / "genres_original")[0]
    ids = [track.id for track in tracks if track.id != "jazz.00054"]
    assert len(ids) == 33
    check_published(gtzan_root, ids)


def test_kaggle_style_paints_cell_over_cell_in_a_margin_with_a_frame():
    librosa = librosa_loader.load()

    y = music(3.0)
    mel = librosa.feature.melspectrogram(y=y, sr=RATE, pad_mode="reflect")
    decibels = librosa.amplitude_to_db(mel, ref=np.max)
    cells = (decibels - decibels.min()) / (decibels.max() - decibels.min()) * 255
    painted = np.full((217, 335), np.nan)
    for row, column in np.ndindex(cells.shape):
        height, width = 0.755 * 288 / cells.shape[0], 0.775 * 432 / cells.shape[1]
        rows = slice(int(row * height), math.ceil((row + 1) * height))
        columns = slice(int(column * width), math.ceil((column + 1) * width))
        painted[rows, columns] = cells[row, column]

    image = render(y, SpectrogramSettings(style="kaggle"))
    assert (image.shape, image.dtype) == ((288, 432, 4), np.uint8)
    plot = image[36:252, 55:389]
    np.testing.assert_allclose(levels(plot), painted[::-1][1:, 1:], atol=1.5)
    assert image[35:253, [54, 389]].max(initial=0, where=[True] * 3 + [False]) == 51
    assert image[[35, 252], 54:390].max(initial=0, where=[True] * 3 + [False]) == 51
    image[35:253, 54:390] = 255
    assert (image == 255).all()


def test_default_style_is_the_mel_spectrogram_in_decibels():
    librosa = librosa_loader.load()

    y = music(3.0)
    mel = librosa.feature.melspectrogram(y=y, sr=RATE, pad_mode="reflect")
    decibels = librosa.power_to_db(mel, ref=np.max)
    settings = SpectrogramSettings(width=mel.shape[1], height=len(mel))
    image = render(y, settings)
    assert image.shape == (*mel.shape, 3)
    span = decibels.max() - decibels.min()
    expected = (decibels[::-1] - decibels.min()) / span * 255
    np.testing.assert_allclose(levels(image), expected, atol=1.5)


def test_frequency_runs_upwards_and_time_to_the_right():
    t = np.arange(2 * RATE) / RATE
    chirp = np.sin(2 * np.pi * (200 * t + 2000 * t**2)).astype(np.float32)
    peaks = levels(render(chirp, SpectrogramSettings())).argmax(axis=0)[20:-20]
    assert (np.diff(peaks) <= 1).all()
    assert peaks[0] - peaks[-1] > 100


@pytest.mark.gtzan
@pytest.mark.parametrize("name", ["blues/blues.00000.wav", "metal/metal.00001.flac"])
def test_default_style_shows_what_another_author_drew(gtzan_root, name):
    import cv2

    path = (gtzan_root / "images_mel" / name).with_suffix(".png")
    theirs = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    y = load_audio(gtzan_root / "genres_original" / name)
    ours = levels(render(y, SpectrogramSettings(width=384, height=128)))
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.975
    assert np.abs(ours - theirs).mean() < 8


def test_one_transform_serves_features_and_pictures():
    spectrum = Spectrum(music(2.0), FeatureSettings())
    assert Spectrum.of(spectrum, SpectrogramSettings()) is spectrum
    assert Spectrum.of(spectrum, SpectrogramSettings(n_mels=64)) is not spectrum
    fine = SpectrogramSettings(n_fft=1024)
    np.testing.assert_array_equal(render(spectrum, fine), render(spectrum.y, fine))


@pytest.mark.parametrize("channels", [3, 4])
def test_a_written_picture_reads_back_in_its_colours(channels):
    import matplotlib.image

    image = np.random.default_rng(0).integers(0, 256, (5, 7, channels), dtype=np.uint8)
    read = matplotlib.image.imread(io.BytesIO(encode_png(image)))
    np.testing.assert_array_equal(np.rint(read * 255), image)


def test_an_unknown_colour_map_is_named():
    with pytest.raises(ConfigError, match=r"nearest: magma\); got: magna"):
        render(music(1.0), SpectrogramSettings(cmap="magna"))
