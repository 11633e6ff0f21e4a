"""Predictions of other code, read from a table, with the training part as far as it is given."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from gtzan_exp.audio.view_folder import ARTISTS
from gtzan_exp.basics.errors import DataError, Mistake, counted
from gtzan_exp.basics.files import opened
from gtzan_exp.basics.genres import GENRES
from gtzan_exp.basics.spellings import spelling_mistakes
from gtzan_exp.data.contracts import PARTS, Dataset, Fold, Split
from gtzan_exp.data.name_lists import read_csv, read_lines
from gtzan_exp.data.piece_names import candidates, readings, words_of
from gtzan_exp.data.pieces import Mode
from gtzan_exp.evaluation.audit import Audit, Same, doubts, measured
from gtzan_exp.evaluation.evaluate import by_track

COLUMNS = {
    "track": ("track", "filename", "file", "id"),
    "true": ("true", "label", "y_true"),
    "predicted": ("predicted", "prediction", "y_pred"),
    "part": ("part", "split"),
    "fold": ("fold",),
    "artist": ("artist", "group"),
}
"""Accepted names of each column; the first that a table has is used."""

_PARTS = {"training": "train", "valid": "val", "validation": "val", "dev": "val", "testing": "test"}
_GTZAN = re.compile(rf"(?:^|[/\\])({'|'.join(GENRES)})[._ \-/\\]?(\d{{5}})(?!\d)", re.IGNORECASE)
_ENDING = re.compile(r"\.(?:wav|au|mp3|flac|ogg|png|jpe?g|npy)$", re.IGNORECASE)
_LISTS = {
    "duplicate": "identical_feature_rows_pairs.txt",
    "near_duplicate": "same_recording_groups_shazam.txt",
}


@dataclass(frozen=True)
class Checked:
    """The checked predictions, and what their training part shares with them."""

    # the tested rows: ``fold`` (from 1), ``track``, ``true``, ``predicted``, ``artist`` where that
    # is known, and ``p_<genre>``: probabilities, or 1 for what is predicted
    rows: pd.DataFrame
    tracks: pd.DataFrame  # by `by_track`: a majority vote where there are no probabilities
    dataset: Dataset  # a row without inputs for each track that a table names
    split: Split
    leaks: Audit | None  # None where no training part is given
    notes: tuple[str, ...]  # on how the tables were interpreted; `doubts` on the numbers
    doubts: tuple[str, ...]

    @property
    def share(self) -> float:
        """Ratio of test to training tracks, mean over folds; 0 where no training part is given."""
        folds = self.split.folds if self.leaks else ()
        return float(np.mean([len(fold.test) / len(fold.train) for fold in folds] or [0.0]))

    @property
    def known(self) -> np.ndarray:
        """Mask of `tracks` that share anything with the training part of their fold."""
        assert self.leaks is not None
        found = self.leaks.found.query("part == 'test' and other_part == 'train'")
        pairs = pd.MultiIndex.from_frame(self.tracks[["fold", "track"]])
        return pairs.isin(pd.MultiIndex.from_frame(found[["fold", "id"]]))


def check(
    path: Path,
    split: Path | None = None,
    artists: Path | None = None,
    lists: Path | None = None,
    pieces: Mode = "auto",
) -> Checked:
    """Read predictions, a CSV or parquet with `COLUMNS`, and their split and artists where given.

    Without ``part`` and `split` all rows are test rows. `lists` is a folder with the published
    lists on GTZAN (artists, identical rows, same recordings), used where all names are GTZAN's.
    `pieces` says when rows are taken for pieces of tracks: where names say so in words (``auto``),
    never, or also where they are only numbered; names of GTZAN always identify their track. Raises
    `DataError` if a table is missing or faulty, or the tables do not match.
    """
    table = _read(path, "predictions", ("track", "true", "predicted"))
    listed = _read(split, "split", ("track", "part")) if split else table[:0]
    told = _read(artists, "artists", ("track", "artist")) if artists else table[:0]
    genres = sorted({*table["true"], *table["predicted"]} - {""})
    _check_labels(path, table)
    names = pd.unique(pd.concat([table["track"], listed["track"]]))
    is_gtzan = all(map(_GTZAN.search, names))
    lists = lists if is_gtzan else None
    if artists is None and lists is not None and (lists / ARTISTS).exists():
        artists = lists / ARTISTS
        told = _read(artists, "data.splits", ("track", "artist"))
    notes: list[str] = []
    said: list[str] = []
    names = pd.unique(pd.concat([table["track"], listed["track"], told["track"]])).tolist()
    ids, tracks, note = _tracks(names, genres, pieces)
    (notes if set(ids.values()) != set(tracks.values()) else said).append(note)
    for frame in (table, listed, told):
        frame["id"], frame["track"] = frame["track"].map(ids), frame["track"].map(tracks)
    if artists is None and "artist" in table:
        told, artists = table, path
    if split is not None:
        said.append(_place(table, listed, path, split))
    table = pd.DataFrame({"part": "test", "fold": "1"}, table.index).assign(**table)
    rows = table[table["part"] == "test"]
    if rows.empty:
        raise DataError(Mistake(str(path), "no row was tested", "rows of part test", "none"))
    members, note = _members(table, listed, rows)
    notes.append(note)
    by_name = is_gtzan and set(table["true"]) <= set(GENRES)
    dataset, folds = _folds(members, _labels(path, table, members, by_name))
    rows = rows.assign(fold=pd.factorize(rows["fold"])[0] + 1)
    same = _same(dataset, lists, told, artists)
    if same.artists is not None:
        rows["artist"] = same.artists[dataset.tracks.searchsorted(rows["track"])]
    rows, note = _with_probabilities(rows, genres)
    whole = by_track(rows)
    notes += [note] if len(whole) < len(rows) else []
    is_told = all(len(fold.train) for fold in folds.folds)
    leaks = measured(dataset, folds, same) if is_told else None
    said += [*doubts(dataset, folds), *_doubts(rows, listed, by_name)]
    lines = (tuple(filter(None, some)) for some in (notes, said))
    return Checked(rows, whole, dataset, folds, leaks, *lines)


def _read(path: Path, option: str, needed: Sequence[str]) -> pd.DataFrame:
    """Return the known columns of a table as text, and probabilities as numbers."""
    columns = ", ".join("|".join(COLUMNS[name]) for name in needed)
    wanted = f"a CSV, or parquet, with the columns {columns}"
    if not path.exists():
        raise DataError(Mistake(option, "is missing", wanted, str(path)))
    if path.suffix == ".parquet":
        try:
            found = pd.read_parquet(opened(path))
        except (OSError, ValueError) as error:
            got = str(error).splitlines()[0]
            raise DataError(Mistake(str(path), "cannot be read", wanted, got)) from error
        found = found.astype(object).where(found.notna(), "").astype(str)
        unit, found.index = "row", found.index + 1
    else:
        header, lines = read_csv(path, wanted)
        numbers = [number for number, _ in lines]
        found = pd.DataFrame([row for _, row in lines], numbers, header, dtype=str)
        unit = "line"
    called = {name: next((a for a in COLUMNS[name] if a in found), None) for name in COLUMNS}
    if found.empty or any(called[name] is None for name in needed):
        what = "has no row" if found.empty else "columns are missing"
        raise DataError(Mistake(str(path), what, wanted, ", ".join(map(str, found))))
    table = pd.DataFrame({name: found[a].str.strip() for name, a in called.items() if a})
    tested = pd.Series(True, table.index)
    wrong = {name: table[name] == "" for name in needed}
    if "part" in table:
        table["part"] = table["part"].str.casefold().replace(_PARTS)
        wrong["part"], tested = ~table["part"].isin(PARTS), table["part"] == "test"
    for name, cells in wrong.items():
        bad = table.index[cells & (tested if name == "predicted" else True)]
        if len(bad):
            where = f"{path}, {unit} {bad[0]}, column {called[name]}"
            allowed = ", ".join(PARTS) if name == "part" else "text"
            got = f"{table[name][bad[0]]!r} ({len(bad)} such cells)"
            raise DataError(Mistake(where, "not allowed", allowed, got))
    shares = [name for name in found if str(name).startswith("p_")]
    return table.join(found[shares].apply(pd.to_numeric, errors="coerce"))


def _check_labels(path: Path, table: pd.DataFrame) -> None:
    used = pd.concat([table["true"], table["predicted"][table["predicted"] != ""]])
    found = spelling_mistakes(str(path), used.value_counts().to_dict(), "rows")
    mistakes = [replace(mistake, allowed="one spelling of each") for mistake in found]
    if not mistakes and not set(table["true"]) & set(table["predicted"]):
        got = f"{table['predicted'].iloc[0]!r}, and the true one is {table['true'].iloc[0]!r}"
        what = "no predicted label is a true one"
        mistakes = [Mistake(str(path), what, "the same labels in both columns", got)]
    if mistakes:
        raise DataError(mistakes)


def _tracks(
    names: list[str], genres: Sequence[str], pieces: Mode
) -> tuple[dict[str, str], dict[str, str], str]:
    """Return the id and the track of each name, and a note."""
    paths = {name: PurePosixPath(_ENDING.sub("", name.replace("\\", "/"))) for name in names}
    folders: dict[str, set[str]] = {}
    for path in paths.values():
        folders.setdefault(path.name, set()).add(path.parent.name)
    ids = {  # with its folder where another folder has the name too
        name: path.name if len(folders[path.name] - {""}) < 2 else "/".join(path.parts[-2:])
        for name, path in paths.items()
    }
    found = {name: _GTZAN.search(name) for name in names}
    if all(found.values()):
        tracks = {name: f"{match[1].lower()}.{match[2]}" for name, match in found.items() if match}
        return ids, tracks, ""
    every = np.unique(list(ids.values()))
    labels = np.full(len(every), " ".join(genres))  # those of training may not be told
    read = candidates(every.tolist(), labels, np.arange(len(every))) if pieces != "tracks" else []
    if pieces == "group" and not read:
        allowed = "names such as one-1, one-2, two-1, two-2"
        raise DataError(Mistake("pieces", "names tell no pieces", allowed, str(every[0])))
    best = max(read, key=lambda one: (one.by_word, len(one.members)), default=None)
    if best is None:
        return ids, ids, ""
    if pieces == "auto" and not best.by_word:
        doubt = f"{len(best.members)} names count like pieces of tracks; pieces=group takes them so"
        return ids, ids, doubt
    common = words_of(genres)
    track_of = {
        name: reading.stem
        for name in every.tolist()
        for reading in readings(name, common)
        if reading.spelling == best.spelling
    }
    note = f"{len(track_of)} names are pieces of {len(set(track_of.values()))} tracks"
    tracks = {name: track_of.get(own, own) for name, own in ids.items()}
    return ids, tracks, f"{note}; pieces=tracks says otherwise"


def _place(table: pd.DataFrame, listed: pd.DataFrame, path: Path, split: Path) -> str:
    """Add the fold and part of each prediction from the split; return a doubt."""
    key = "id" if table["id"].isin(listed["id"]).all() else "track"
    strange = table.loc[~table[key].isin(listed[key]), "id"]
    got = f"{len(strange)} of {len(table)} rows are not, first {next(iter(strange), '')}"
    if 2 * len(strange) > len(table):
        what = "most predictions are not in the split"
        raise DataError(Mistake(str(path), what, f"names that {split} has", got))
    if "fold" in listed and "fold" not in table:
        tests = listed[listed["part"] == "test"].drop_duplicates([key, "fold"])
        twice = tests.loc[tests[key].duplicated(), key]
        if len(twice):
            got = f"{twice.iloc[0]} is tested in several folds of {split}"
            raise DataError(Mistake(str(path), "does not tell the fold", "a column fold", got))
        folds = table[key].map(tests.set_index(key)["fold"])
        table["fold"] = folds.fillna(listed["fold"].iloc[0])
    if "part" not in table:
        keys = [name for name in ("fold", key) if name in listed and name in table]
        parts = listed.drop_duplicates([*keys, "part"]).drop_duplicates(keys, keep=False)
        found = table[keys].merge(parts[[*keys, "part"]], "left", on=keys)["part"]
        table["part"] = found.fillna("test").to_numpy()
    return f"not all predictions are in the split: {got}" if len(strange) else ""


def _members(
    table: pd.DataFrame, listed: pd.DataFrame, rows: pd.DataFrame
) -> tuple[pd.DataFrame, str]:
    """Return ``fold``, ``part`` and ``track`` of all known tracks, and a note."""
    folds = pd.unique(rows["fold"]).tolist()
    columns, note = ["fold", "part", "track"], ""
    members = [rows[columns]]
    if len(listed):
        members += [listed if "fold" in listed else listed.assign(fold=fold) for fold in folds]
    elif len(folds) > 1 and len(rows) == len(table):
        note = "no training part is told: that of a fold is taken to be what the others test"
        members += [rows[rows["fold"] != fold].assign(fold=fold, part="train") for fold in folds]
    else:
        members.append(table)
    found = pd.concat([frame[columns] for frame in members]).drop_duplicates()
    return found[found["fold"].isin(folds)], note


def _folds(members: pd.DataFrame, labels: dict[str, str]) -> tuple[Dataset, Split]:
    tracks, codes = np.unique(members["track"].to_numpy(dtype=str), return_inverse=True)
    of = np.array([labels.get(track, "") for track in tracks.tolist()])
    classes = tuple(np.unique(of[of != ""]).tolist())
    dataset = Dataset(
        "", False, "", "", pd.DataFrame(index=tracks), of, tracks, tracks, classes, ""
    )
    number = pd.factorize(members["fold"])[0]
    folds = [
        Fold(*(codes[(number == fold) & (members["part"] == part).to_numpy()] for part in PARTS))
        for fold in range(number.max() + 1)
    ]
    return dataset, Split("told", tuple(folds), "")


def _labels(
    path: Path, table: pd.DataFrame, members: pd.DataFrame, by_name: bool
) -> dict[str, str]:
    """Return the genre of tracks from the column, or else from the name."""
    pairs = table[["track", "true"]].drop_duplicates()
    twice = pairs.loc[pairs["track"].duplicated(), "track"]
    if len(twice):
        got = f"{twice.iloc[0]}, {', '.join(pairs.loc[pairs['track'] == twice.iloc[0], 'true'])}"
        what = "rows of a track have several true labels"
        raise DataError(Mistake(str(path), what, "one for each track", got))
    named = {track: track.partition(".")[0] for track in members["track"]} if by_name else {}
    return named | dict(zip(pairs["track"], pairs["true"], strict=True))


def _same(dataset: Dataset, lists: Path | None, told: pd.DataFrame, where: Path | None) -> Same:
    """Return what tracks have in common, from the lists that exist."""
    place = {track: n for n, track in enumerate(dataset.tracks.tolist())}
    unknown, artists = {}, None
    if where is None:
        unknown["artist"] = "artists=FILE would tell"
    else:
        pairs = told.loc[told["artist"] != "", ["track", "artist"]].drop_duplicates()
        pairs = pairs[pairs["track"].isin(place)]
        missing = [track for track in place if track not in set(pairs["track"])]
        strange = missing or pairs.loc[pairs["track"].duplicated(), "track"].tolist()
        if strange:
            what = f"tracks have {'no artist' if missing else 'several artists'}"
            got = f"{len(strange)}, first {strange[0]}"
            raise DataError(Mistake(str(where), what, "one artist for each track", got))
        artists = pd.factorize(pairs.set_index("track")["artist"].loc[list(place)])[0]
    contents, near = np.arange(len(place)), [np.empty((0, 2), dtype=int)]
    for kind, name in _LISTS.items():
        path = None if lists is None else lists / name
        if path is None or not path.exists():
            unknown[kind] = "no list of them" if lists else "predictions do not tell"
            continue
        for line in read_lines(path, "names of tracks, divided by commas"):
            ids = (f"{m[1]}.{m[2]}" for m in map(_GTZAN.search, line.split(",")) if m)
            rows = np.array(sorted(place[track] for track in ids if track in place), dtype=int)
            if kind == "duplicate":
                contents[rows] = contents[rows[:1]]
            near.append(rows[np.argwhere(np.triu(np.ones((len(rows),) * 2), 1))])
    different = [rows[contents[rows[:, 0]] != contents[rows[:, 1]]] for rows in near]
    return Same(np.arange(len(place)), artists, contents, np.concatenate(different), unknown)


def _with_probabilities(rows: pd.DataFrame, genres: list[str]) -> tuple[pd.DataFrame, str]:
    """Return the rows with ``p_<genre>``, and a note on how they decide the genre of a track."""
    columns = [f"p_{genre}" for genre in genres]
    if set(columns) <= set(rows) and rows[columns].notna().all(axis=None):
        best = np.array(genres)[rows[columns].to_numpy().argmax(axis=1)]
        if (best == rows["predicted"]).all():
            return rows, "a track has the genre of the highest mean probability of its rows"
    votes = {f"p_{genre}": (rows["predicted"] == genre).astype(float) for genre in genres}
    kept = [name for name in rows if not str(name).startswith("p_")]
    return rows[kept].assign(**votes), "a track has the genre that most of its rows have"


def _doubts(rows: pd.DataFrame, listed: pd.DataFrame, by_name: bool) -> list[str]:
    said = []
    if never := sorted(set(rows["predicted"]) - set(rows["true"])):
        said.append(f"predicted, and no tested row has it: {', '.join(never)}")
    asked = set(listed.loc[listed["part"] == "test", "track"]) if len(listed) else set()
    if silent := sorted(asked - set(rows["track"])):
        got = f"{len(silent)} of {len(asked)}, first {silent[0]}"
        said.append(f"tracks of the test part are not predicted: {got}")
    other = rows[rows["track"].str.partition(".")[0] != rows["true"]]
    if by_name and len(other):
        first = f"{other['track'].iloc[0]} is {other['true'].iloc[0]}"
        tracks = counted(other["track"].nunique(), "track")
        said.append(f"{tracks} with another true genre than in GTZAN, first {first}")
    return said
