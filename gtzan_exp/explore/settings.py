"""The options of ``gtzan-exp explore``, and the objects that its config describes."""

from collections.abc import Iterator
from dataclasses import dataclass as plain_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from omegaconf import DictConfig
from pydantic import Field
from pydantic.dataclasses import dataclass

from gtzan_exp.basics.errors import Mistake
from gtzan_exp.config.cell import flatten
from gtzan_exp.config.reading import option_names, reading
from gtzan_exp.data.contracts import Location, View
from gtzan_exp.tracking.store import Tracking

_GROUPS = ("data", "view", "tracking")
_Id = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True, kw_only=True)
class ExploreSettings:
    """What to explore: without a track and a file, the whole data set."""

    track: _Id | None = None  # id of a track of the data
    tracks: tuple[_Id, ...] = ()  # ids of tracks to show side by side
    audio: Path | None = None  # an audio file of your own, shown beside the tracks
    max_seconds: Annotated[float, Field(ge=1.0, le=3600.0)] = 300.0  # of each track, from its start
    frequency_axis: Literal["log", "linear"] = "log"  # of the plot of STFT magnitudes
    # columns of the table whose distributions are plotted; a few common ones when omitted
    features: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    output: Path  # an empty or new folder for the page and the pictures
    name: _Id | None = None  # name of the run; what is looked at when omitted
    tags: dict[str, Any] = Field(default_factory=dict)  # tags of the run

    @property
    def track_ids(self) -> tuple[str, ...]:
        """The ids of `track` and `tracks`, each once."""
        return tuple(dict.fromkeys([*([self.track] if self.track else []), *self.tracks]))

    @property
    def of_tracks(self) -> bool:
        """Whether single tracks are explored, not the data set."""
        return bool(self.track_ids or self.audio)


@plain_dataclass(frozen=True)
class Look:
    """What a config of `explore` describes, checked."""

    data: Location
    view: View
    tracking: Tracking
    settings: ExploreSettings
    cache: Path  # folder for decoded pictures
    params: dict[str, Any]  # the flattened options, recorded as parameters


def read_look(config: DictConfig) -> Look:
    """Return what a config describes, or raise every mistake in it."""
    with reading(config, _GROUPS, [*option_names(ExploreSettings), "paths"]) as found:
        objects = {name: found.object(name) for name in _GROUPS}
        settings = found.settings(ExploreSettings)
        found.mistakes.extend(_files(settings) if settings else ())
        needs_data = settings is None or settings.track_ids or not settings.audio
        if needs_data and objects["data"] is not None:
            found.mistakes.extend(objects["data"].mistakes())
    node = found.node
    params = flatten({"data": node["data"], "view": node["view"]}) | {
        name: value
        for name, value in found.own(ExploreSettings).items()
        if name not in ("name", "tags", "output")
    }
    return Look(**objects, settings=settings, cache=Path(node["paths"]["cache"]), params=params)


def _files(settings: ExploreSettings) -> Iterator[Mistake]:
    for id in settings.track_ids:
        if Path(id).is_file():
            yield Mistake("track", "is a file", "audio=FILE, or the id of a track", id)
    if settings.audio and not settings.audio.expanduser().exists():
        allowed = "a file of audio, or track=ID for a track of the data"
        yield Mistake("audio", "cannot be opened, there is none", allowed, str(settings.audio))
