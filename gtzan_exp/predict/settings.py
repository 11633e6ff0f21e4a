"""The options of ``gtzan-exp predict``, what its config describes, and the audio it is given."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from omegaconf import DictConfig
from pydantic import Field
from pydantic.dataclasses import dataclass

from gtzan_exp.audio.tracks import AUDIO_SUFFIXES, audio_below
from gtzan_exp.basics.errors import Mistake
from gtzan_exp.config.reading import option_names, reading
from gtzan_exp.tracking.store import Tracking


@dataclass(frozen=True, kw_only=True)
class PredictSettings:
    """The options of ``gtzan-exp predict`` besides the model and the files; see its help."""

    top: Annotated[int, Field(gt=0)] = 3
    neighbours: Annotated[int, Field(ge=0)] = 0
    format: Literal["table", "json", "csv"] = "table"
    trusted_types: tuple[str, ...] = ()


def read_prediction(config: DictConfig) -> tuple[PredictSettings, Tracking]:
    """Return the settings and the store, or raise every mistake in them."""
    options = [*option_names(PredictSettings), "data", "paths"]
    with reading(config, ["tracking"], options) as found:
        return found.settings(PredictSettings), found.object("tracking")


def audio_files(paths: Iterable[Path]) -> list[Path | Mistake]:
    """Return files, the audio below folders, and a mistake for each folder without any."""
    found: list[Path | Mistake] = []
    for path in paths:
        problems: list[Mistake] = []
        inside = audio_below(path, problems) if path.is_dir() else [path]
        if not (inside or problems):
            allowed = "files that end in " + ", ".join(AUDIO_SUFFIXES)
            problems.append(Mistake(str(path), "no audio there", allowed, "none"))
        found += [*inside, *problems]
    return found
