"""From a folder of audio to its views on disk, in GTZAN's layout."""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass as plain_dataclass
from dataclasses import field, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Annotated, Any, Literal, Self

from pydantic import Field, TypeAdapter, model_validator
from pydantic.dataclasses import dataclass

from gtzan_exp.audio.features import GTZAN_SECONDS, FeatureSettings, extract, segments
from gtzan_exp.audio.spectrograms import SpectrogramSettings, encode_png, render
from gtzan_exp.audio.spectrum import Spectrum
from gtzan_exp.audio.tracks import Offset, Track, load_audio, scan_tracks
from gtzan_exp.audio.view_folder import ERRORS, SETTINGS, ViewFolder
from gtzan_exp.audio.workers import Backend, map_unordered
from gtzan_exp.basics.errors import DataError, Mistake, counted
from gtzan_exp.basics.files import opened
from gtzan_exp.basics.terminal import steps

SETTINGS_VERSION = 2
"""Incremented whenever the same settings give different views, so that old ones are redone.

Files hold it under the key ``recipe``.
"""

_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class PrepareSettings:
    """Settings of `prepare`."""

    # which views to write; embeddings are made by `gtzan_exp.embed.prepare`
    views: Annotated[
        tuple[Literal["features", "spectrograms", "embeddings"], ...], Field(min_length=1)
    ] = ("features", "spectrograms")
    # lengths of segments in seconds, one table of features each: 30 gives one row for the whole
    # track, less gives a row for each segment
    segments: Annotated[
        tuple[Annotated[int, Field(ge=1, le=GTZAN_SECONDS)], ...], Field(min_length=1)
    ] = (GTZAN_SECONDS, 3)
    labels: dict[str, str] = field(default_factory=dict)  # by the names of folders, in any spelling
    # At most so much of each track is read. GTZAN's tracks are 30 to 30.7 s long.
    max_seconds: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 31.0
    offset: Offset = 0.0  # in seconds, or of the middle
    features: FeatureSettings = field(default_factory=FeatureSettings)  # how features are computed
    spectrograms: SpectrogramSettings = field(default_factory=SpectrogramSettings)
    on_error: Literal["skip", "raise"] = "skip"  # list an unusable file, or end the run
    n_jobs: int = -1  # number of processes, -1 for one per core
    backend: Backend = "loky"  # where the processes are
    address: str | None = None  # of a Dask or Ray scheduler; the connected one by default

    @model_validator(mode="after")
    def _one_sample_rate(self) -> Self:
        rates = self.features.sample_rate, self.spectrograms.sample_rate
        if len(set(rates)) > 1:
            differ = "sample_rate of features and spectrograms differ: {} and {}"
            raise ValueError(differ.format(*rates))
        if self.n_jobs == 0:
            raise ValueError("n_jobs must be -1 or a number of processes, got 0")
        return self

    @property
    def read(self) -> dict[str, Any]:
        """What is read of each track: arguments of `load_audio`."""
        return {"max_seconds": self.max_seconds, "offset": self.offset}

    def as_json(self) -> dict[str, Any]:
        """Return the settings that the views depend on, as plain data."""
        everything = TypeAdapter(PrepareSettings).dump_python(self, mode="json")
        views = sorted(set(self.views) - {"embeddings"})
        found = {"recipe": SETTINGS_VERSION, "max_seconds": self.max_seconds, "views": views}
        if self.offset:
            found["offset"] = self.offset
        if "features" in self.views:
            found |= {"segments": sorted(set(self.segments)), "features": everything["features"]}
        if "spectrograms" in self.views:
            found |= {"spectrograms": everything["spectrograms"]}
        return found


@plain_dataclass(frozen=True)
class PrepareReport:
    """The result of `prepare`."""

    done: int  # made now; `reused`: were there already
    reused: int
    problems: tuple[Mistake, ...]  # one for each unusable file or folder, as in the table `errors`
    root: Path  # the folder of the views
    notes: tuple[str, ...] = ()  # remarks on the other tracks
    errors: str = ERRORS  # name of that table

    @property
    def failed(self) -> int:
        """Number of files or folders that could not be used."""
        return len(self.problems)

    def __str__(self) -> str:
        tracks = counted(self.done, "track")
        line = f"{self.root}: {tracks} done, {self.reused} reused, {self.failed} failed"
        return f"{line} (see {self.root / self.errors})" if self.problems else line


def prepare(
    audio_root: Path, out_root: Path, settings: PrepareSettings | None = None
) -> PrepareReport:
    """Make the views of all tracks in a folder of ``<genre>/<file>`` or ``<genre>/<artist>/...``.

    Writes ``features_<seconds>_sec.csv``, ``images_original/<genre>/<id>.png``,
    ``prepare_errors.csv`` and, last, ``prepare_settings.json``; where folders name artists also
    ``splits/artist_groups_merged.csv``, unless a foreign one exists. Tracks with the same bytes and
    settings as in an earlier run, even a killed one, are not processed again. Raises `DataError` if
    there is no audio, the output folder has foreign content, or a file cannot be used and
    ``settings.on_error`` is ``raise``; `ConfigError` if the folder is in use, or the colour map or
    the cluster does not exist.
    """
    settings = settings or PrepareSettings()
    audio_root, out_root = audio_root.resolve(), out_root.resolve()
    if out_root.is_relative_to(audio_root):
        what, allowed = "lies within the audio", "a folder of its own"
        raise DataError(Mistake("data.root", what, allowed, str(out_root)))
    tracks, problems = scan_tracks(audio_root, settings.labels)
    if problems and settings.on_error == "raise":
        raise DataError(problems)
    written = settings.as_json()
    with ViewFolder.opened(out_root) as folder:
        work = partial(_make_views, folder=folder, settings=settings, written=written)
        outcomes = dict(each_track("preparing tracks", work, tracks, problems, settings))
        finished = [track for track in tracks if track.id in outcomes]
        tables = {folder.table(seconds): seconds for seconds in written.get("segments", ())}
        folder.keep_only(finished, tables)
        header = ("filename", "length", *settings.features.columns, "label")
        for table, seconds in tables.items():
            rows = (row for track in finished for row in folder.record(track)["rows"][str(seconds)])
            folder.write_csv(table, header, rows)
        folder.write(out_root / ERRORS, error_table(problems, audio_root))
        notes = [*folder.write_artists(finished), *_short(finished, folder)]
        folder.write(out_root / SETTINGS, (json.dumps(written, indent=2) + "\n").encode())
    reused = list(outcomes.values()).count("reused")
    done = len(finished) - reused
    return PrepareReport(done, reused, tuple(problems), out_root, tuple(notes))


def each_track(
    title: str,
    work: Callable[[Track], tuple[str, Any]],
    tracks: Sequence[Track],
    problems: list[Mistake],
    settings: PrepareSettings,
) -> Iterator[tuple[str, Any]]:
    """Yield what `work` returns of tracks, an id and an outcome, in order of completion.

    Mistakes go to `problems`, sorted in the end, or are raised at once (``on_error=raise``).
    """
    outcomes = map_unordered(
        work, tracks, n_jobs=settings.n_jobs, backend=settings.backend, address=settings.address
    )
    with closing(outcomes):
        for id, outcome in steps(outcomes, title, len(tracks)):
            if isinstance(outcome, Mistake):
                problems.append(outcome)
            else:
                yield id, outcome
            if problems and settings.on_error == "raise":
                raise DataError(problems)
    problems.sort(key=lambda problem: problem.where)


def error_table(problems: Sequence[Mistake], audio_root: Path) -> bytes:
    """Return the table of unusable files as a CSV."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("file", "what", "allowed", "got"))
    for p in problems:
        where = Path(p.where).relative_to(audio_root).as_posix()
        table.writerow((where, p.what, p.allowed, p.got))
    return text.getvalue().encode(errors="backslashreplace")


def _short(tracks: list[Track], folder: ViewFolder) -> Iterator[str]:
    """Yield a line on tracks that are far shorter than the others, if any."""
    seconds = {track.id: folder.record(track)["seconds"] for track in tracks}
    usual = median(seconds.values()) if seconds else 0.0
    short = sorted((length, id) for id, length in seconds.items() if length < usual / 2)
    if short:
        named = ", ".join(f"{id} ({length:.1f} s)" for length, id in short[:_NAMED])
        more = f" and {len(short) - _NAMED} more" if len(short) > _NAMED else ""
        yield (
            f"{len(short)} of {len(seconds)} tracks are far shorter than the usual {usual:.1f} s, "
            f"and count as much: {named}{more}"
        )


def _make_views(
    track: Track, *, folder: ViewFolder, settings: PrepareSettings, written: dict[str, Any]
) -> tuple[str, Literal["done", "reused"] | Mistake]:
    """Make the views of one track; return its id and the outcome."""
    try:
        content = f"{file_digest(track.path)} {json.dumps(written, sort_keys=True)}"
        key = hashlib.sha256(content.encode()).hexdigest()
        if folder.has(track, key):
            return track.id, "reused"
        y = load_audio(track.path, sample_rate=settings.features.sample_rate, **settings.read)
        spectrum = Spectrum.of(y, settings.features)
        tables = written.get("segments", ())
        rows = {str(of): _rows(track, spectrum, of, settings.features) for of in tables}
        image = None
        if "spectrograms" in settings.views:
            image = encode_png(render(spectrum, settings.spectrograms))
    except DataError as error:
        return track.id, replace(error.mistakes[0], where=str(track.path))
    length = len(y) / settings.features.sample_rate
    folder.remember(track, image, {"key": key, "rows": rows, "seconds": length})
    return track.id, "done"


def file_digest(path: Path) -> str:
    """Return a hash of the bytes of a file, or raise `DataError` if it cannot be opened."""
    try:
        with opened(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        what, allowed = "cannot be opened", "a readable file"
        raise DataError(Mistake(str(path), what, allowed, str(error))) from error


def _rows(
    track: Track, spectrum: Spectrum, seconds: int, settings: FeatureSettings
) -> list[list[Any]]:
    suffix = track.path.suffix
    if seconds == GTZAN_SECONDS:
        return [[f"{track.id}{suffix}", *extract(spectrum, settings).values(), track.genre]]
    return [
        [f"{track.id}.{i}{suffix}", *extract(segment, settings).values(), track.genre]
        for i, segment in segments(spectrum.y, seconds, settings)
    ]
