"""How the views in a folder were made: by the settings of `prepare` there, or as GTZAN's."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gtzan_exp.audio.prepare import SETTINGS_VERSION, PrepareSettings
from gtzan_exp.audio.spectrograms import SpectrogramSettings
from gtzan_exp.audio.spectrum import Framing
from gtzan_exp.audio.view_folder import IMAGES, SETTINGS, picture_files
from gtzan_exp.basics.checks import checked
from gtzan_exp.basics.errors import DataError, Mistake
from gtzan_exp.basics.files import read_bytes
from gtzan_exp.data.contracts import View
from gtzan_exp.data.spectrograms import cut_margin, picture


def prepare_settings(root: Path, view: View | None = None) -> PrepareSettings:
    """Return the settings that the views in a folder, and the images of `view`, were made with.

    Without ``prepare_settings.json`` they are assumed to be GTZAN's: features with the defaults;
    images in the style of Kaggle's copy if they have a white margin, else in the default style,
    which is only similar; as in folders other than ``images_original``. Raises `DataError` if the
    file is damaged, or of another version of this package.
    """
    path = root / SETTINGS
    parts = getattr(view, "parts", {"": view}).values()
    images = next((part.folder for part in parts if hasattr(part, "folder")), IMAGES)
    try:
        settings = settings_from_json(json.loads(read_bytes(path)), str(path))
    except FileNotFoundError:
        settings = None
    except (OSError, ValueError) as error:
        raise _wrong(str(path), "cannot be read", str(error)) from error
    if settings is None or images != IMAGES:
        settings = replace(settings or PrepareSettings(), spectrograms=_drawn(root / images))
    return settings


def settings_from_json(written: Any, where: str) -> PrepareSettings:
    """Return the settings from `PrepareSettings.as_json`, of this version, in the file `where`."""
    if not isinstance(written, Mapping):
        raise _wrong(where, "not the settings of prepare", type(written).__name__)
    options = dict(written)
    version = options.pop("recipe", None)
    if version != SETTINGS_VERSION:
        raise _wrong(where, "made by another version of prepare", f"version {version}")
    mine = {key: options.get(key) for key in ("features", "spectrograms")}
    framing = next((part for part in mine.values() if isinstance(part, Mapping)), {})
    shared = {key: framing[key] for key in Framing.__dataclass_fields__ if key in framing}
    mistakes: list[Mistake] = []
    options |= {key: shared if part is None else part for key, part in mine.items()}
    settings = checked(PrepareSettings, options, where, mistakes)
    if mistakes:
        raise DataError(mistakes)
    return settings


def _drawn(images: Path) -> SpectrogramSettings:
    """Return the most similar settings for the images of a folder."""
    try:
        image = picture(read_bytes(picture_files(images)[0]))
    except (IndexError, OSError, ValueError):  # reading the view says what is wrong with it
        return SpectrogramSettings()
    return SpectrogramSettings(
        style="mel_db" if cut_margin(image).shape == image.shape else "kaggle",
        cmap="gray" if (image == image[..., :1]).all() else "magma",
    )


def _wrong(where: str, what: str, got: str) -> DataError:
    allowed = f"settings that `gtzan-exp prepare` wrote, version {SETTINGS_VERSION}"
    return DataError(Mistake(where, what, allowed, got))
