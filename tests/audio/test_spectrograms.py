"""The pictures: matplotlib's own in the style of Kaggle, and correct decibels by default."""

from __future__ import annotations

import numpy as np
import pytest

from gtzan_exp.audio.features import FeatureSettings
from gtzan_exp.audio.spectrograms import SpectrogramSettings, render, write_png
from gtzan_exp.audio.spectrum import Spectrum
from gtzan_exp.audio.tracks import load_audio
from gtzan_exp.basics.errors import ConfigError

from .conftest import RATE, music


def levels(image: np.ndarray) -> np.ndarray:
    """Return which of magma's 256 colours each pixel is nearest to."""
    import matplotlib

    magma = np.rint(matplotlib.colormaps["magma"](np.arange(256))[:, :3] * 255)
    pixels = image[..., :3].reshape(-1, 3).astype(float)
    distance = (pixels**2).sum(1)[:, None] - 2 * pixels @ magma.T + (magma**2).sum(1)
    return distance.argmin(1).reshape(image.shape[:2])


def test_kaggle_style_is_what_matplotlib_draws_in_a_notebook():
    import librosa.display
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    y = music(30.0)
    mel = librosa.feature.melspectrogram(y=y, sr=RATE, pad_mode="reflect")
    with mpl.rc_context({"figure.subplot.bottom": 0.125}):
        figure = Figure(figsize=(6, 4), dpi=72)
        axes = figure.add_subplot()
        decibels = librosa.amplitude_to_db(mel, ref=np.max)
        librosa.display.specshow(decibels, sr=RATE, cmap="magma", ax=axes)
        axes.set_axis_off()
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
    drawn = np.asarray(canvas.buffer_rgba())

    ours = render(y, SpectrogramSettings(style="kaggle"))
    assert (ours.shape, ours.dtype) == (drawn.shape, drawn.dtype) == ((288, 432, 4), np.uint8)
    assert (ours == drawn).all(axis=2).mean() > 0.999
    assert np.abs(ours.astype(int) - drawn).max() <= 4


def test_kaggle_style_leaves_the_published_margin():
    image = render(music(3.0), SpectrogramSettings(style="kaggle"))
    white = (image == 255).all(axis=2)
    assert not white[35:252, 54:389].any()
    white[35:252, 54:389] = True
    assert white.all()


def test_default_style_is_the_mel_spectrogram_in_decibels():
    import librosa

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
def test_default_style_shows_what_the_published_images_show(gtzan_root):
    import cv2

    for id in ("blues.00000", "metal.00000"):
        genre = id.split(".")[0]
        published = cv2.imread(str(gtzan_root / "images_original" / genre / f"{id}.png"))
        height, width = published.shape[:2]
        y = load_audio(gtzan_root / "genres_original" / genre / f"{id}.wav")
        ours = render(y, SpectrogramSettings(width=width, height=height))
        pair = levels(published[..., ::-1]).ravel(), levels(ours).ravel()
        assert np.corrcoef(pair)[0, 1] > 0.9


def test_one_transform_serves_features_and_pictures():
    spectrum = Spectrum(music(2.0), FeatureSettings())
    assert Spectrum.of(spectrum, SpectrogramSettings()) is spectrum
    assert Spectrum.of(spectrum, SpectrogramSettings(n_mels=64)) is not spectrum
    fine = SpectrogramSettings(n_fft=1024)
    np.testing.assert_array_equal(render(spectrum, fine), render(spectrum.y, fine))


@pytest.mark.parametrize("channels", [3, 4])
def test_a_written_picture_reads_back_in_its_colours(tmp_path, channels):
    import matplotlib.image

    image = np.random.default_rng(0).integers(0, 256, (5, 7, channels), dtype=np.uint8)
    path = tmp_path / "a b.png"
    write_png(path, image)
    np.testing.assert_array_equal(np.rint(matplotlib.image.imread(path) * 255), image)
    assert [child.name for child in tmp_path.iterdir()] == ["a b.png"]


def test_an_unknown_colour_map_is_named():
    with pytest.raises(ConfigError, match=r"nearest: magma\); got: magna"):
        render(music(1.0), SpectrogramSettings(cmap="magna"))
