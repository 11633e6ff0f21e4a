"""How the views in a folder were made: what `prepare` says there, or GTZAN's published ways."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gtzan_exp.audio.prepare import SETTINGS_VERSION, PrepareSettings
from gtzan_exp.audio.spectrograms import SpectrogramSettings
from gtzan_exp.audio.spectrum import Framing
from gtzan_exp.audio.view_folder import IMAGES, SETTINGS
from gtzan_exp.basics.checks import checked
from gtzan_exp.basics.errors import DataError, Mistake


def prepare_settings(root: Path) -> PrepareSettings:
    """Return the settings that the views in a folder were made with.

    Without ``prepare_settings.json`` they are taken to be GTZAN's: features with the defaults;
    pictures in the style of Kaggle's copy when they have a white margin, else in the default style,
    which is close to the ones without a margin but not the same rendering.

    Parameters
    ----------
    root : Path
        Folder in GTZAN's layout.

    Raises
    ------
    DataError
        The file is damaged, or another version of this package made the views.
    """
    path = root / SETTINGS
    try:
        written = json.loads(path.read_bytes())
    except FileNotFoundError:
        pictures = SpectrogramSettings(style="kaggle" if _have_margin(root / IMAGES) else "mel_db")
        return PrepareSettings(spectrograms=pictures)
    except (OSError, ValueError) as error:
        raise _wrong(str(path), "cannot be read", str(error)) from error
    return settings_from_json(written, str(path))


def settings_from_json(written: Any, where: str) -> PrepareSettings:
    """Return the settings that `PrepareSettings.as_json` gave.

    Parameters
    ----------
    written : mapping
    where : str
        The file that it is from, for messages.

    Raises
    ------
    DataError
        They are no such settings, or of another version of this package.
    """
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
    settings = checked(
        PrepareSettings,
        options | {key: shared if part is None else part for key, part in mine.items()},
        where,
        mistakes,
    )
    if mistakes:
        raise DataError(mistakes)
    return settings


def _have_margin(images: Path) -> bool:
    import cv2

    from gtzan_exp.data.spectrograms import cut_margin

    folders = sorted(folder for folder in images.glob("*") if folder.is_dir())
    files = (min(folder.iterdir(), default=None) for folder in folders)
    first = next(filter(None, files), None)
    picture = None if first is None else cv2.imread(str(first))
    return picture is not None and cut_margin(picture).shape != picture.shape


def _wrong(where: str, what: str, got: str) -> DataError:
    allowed = f"settings that `gtzan-exp prepare` wrote, version {SETTINGS_VERSION}"
    return DataError(Mistake(where, what, allowed, got))
