"""Images of mel spectrograms: correct ones, and ones in the style of GTZAN's published images."""

from functools import cache
from typing import Annotated, Literal

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from gtzan_exp.audio import librosa_loader
from gtzan_exp.audio.spectrum import Framing, Spectrum
from gtzan_exp.basics.errors import ConfigError, Mistake, nearest

# Edges of the axes in a figure of the inline backend, as shares of the figure.
_LEFT, _RIGHT, _TOP, _BOTTOM = 0.125, 0.9, 0.12, 0.875


@dataclass(frozen=True, kw_only=True)
class SpectrogramSettings(Framing):
    """Settings of the images."""

    # ``mel_db`` fills the image with the mel spectrogram in dB. ``kaggle`` reproduces the published
    # images pixel by pixel: with a frame, a white margin and an alpha channel, and twice the dB,
    # since their author took power for amplitude.
    style: Literal["mel_db", "kaggle"] = "mel_db"
    cmap: str = "magma"  # a colour map of matplotlib
    width: Annotated[int, Field(ge=8, le=4096)] = 432  # in pixels, margin included
    height: Annotated[int, Field(ge=8, le=4096)] = 288
    top_db: Annotated[float, Field(gt=0)] = 80.0  # dynamic range below the peak, in dB


def render(sound: np.ndarray | Spectrum, settings: SpectrogramSettings) -> np.ndarray:
    """Draw the mel spectrogram of a mono signal: time to the right, frequency upwards.

    Returns RGB, uint8 of shape (height, width, 3), or RGBA in the style of Kaggle.
    """
    mel = Spectrum.of(sound, settings).mel
    draw = _fill if settings.style == "mel_db" else _draw_in_margin
    return draw(mel, settings)


def encode_png(image: np.ndarray) -> bytes:
    """Return a gray, RGB or RGBA image, shape (h, w, channels), as the bytes of a PNG file."""
    import cv2

    order = {1: cv2.COLOR_GRAY2BGR, 3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
    _, encoded = cv2.imencode(".png", cv2.cvtColor(image, order[image.shape[2]]))
    return encoded.tobytes()


def _fill(mel: np.ndarray, settings: SpectrogramSettings) -> np.ndarray:
    """Colour the mel spectrogram in dB, resized before the colour map is applied."""
    import cv2

    librosa = librosa_loader.load()
    decibels = librosa.power_to_db(mel, ref=np.max, top_db=settings.top_db)
    for size in ((settings.width, len(mel)), (settings.width, settings.height)):
        shrinks = size[0] * size[1] < decibels.size
        method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        decibels = cv2.resize(decibels, size, interpolation=method)
    return _color(decibels, settings)[::-1, :, :3].copy()


def _draw_in_margin(mel: np.ndarray, settings: SpectrogramSettings) -> np.ndarray:
    """Draw what ``specshow(amplitude_to_db(mel, ref=max))`` drew on the axes of a notebook in 2020.

    The frame of the axes, black and 0.8 pixels wide, covers the first row and column of the plot
    and the first ones of the margin after it.
    """
    librosa = librosa_loader.load()
    decibels = librosa.amplitude_to_db(mel, ref=np.max, top_db=settings.top_db)
    rows = _last(len(mel), (1 - _BOTTOM) * settings.height, (1 - _TOP) * settings.height)
    columns = _last(mel.shape[1], _LEFT * settings.width, _RIGHT * settings.width)
    plot = _color(decibels, settings)[np.ix_(rows, columns)][::-1]
    image = np.full((settings.height, settings.width, 4), 255, np.uint8)
    top, left = round(_TOP * settings.height), round(_LEFT * settings.width)
    bottom, right = top + plot.shape[0], left + plot.shape[1]
    image[top:bottom, left:right] = plot
    frame = np.zeros(image.shape[:2], dtype=bool)
    frame[[top, bottom], left : right + 1] = frame[top : bottom + 1, [left, right]] = True
    image[frame, :3] //= 5
    return image


def _last(cells: int, start: float, stop: float) -> np.ndarray:
    """Return for each pixel the last cell that touches it; Agg has a precision of 1/256 pixel."""
    ends = np.arange(round(start), round(stop)) + (1 - 1 / 512)
    cell = (ends - start) / (stop - start) * cells
    return np.clip(cell.astype(int), 0, cells - 1)


def _color(decibels: np.ndarray, settings: SpectrogramSettings) -> np.ndarray:
    """Return RGBA bytes, with the colour map scaled from the lowest value to the highest."""
    low, high = float(decibels.min()), float(decibels.max())
    levels = (decibels - low) * (255.999 / max(high - low, 1e-12))
    return palette(settings.cmap)[levels.astype(np.uint8)]


@cache
def palette(cmap: str) -> np.ndarray:
    """Return 256 colours of a matplotlib colour map as RGBA bytes."""
    import matplotlib

    if cmap not in matplotlib.colormaps:
        close = nearest(cmap, list(matplotlib.colormaps))
        raise ConfigError(Mistake("cmap", "unknown", f"a colour map of matplotlib{close}", cmap))
    colors = matplotlib.colormaps[cmap].resampled(256)(np.arange(256))
    return np.rint(colors * 255).astype(np.uint8)
