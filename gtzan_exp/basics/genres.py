"""Names: GTZAN's genres and their colours, ids of tracks, the label of synthetic data."""

import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import PurePath

# M. A. Petroff, "Accessible color sequences for data visualization", arXiv:2107.02270, 10 colours.
_COLORS = {
    "blues": "#3f90da",
    "classical": "#ffa90e",
    "country": "#bd1f01",
    "disco": "#94a4a2",
    "hiphop": "#832db6",
    "jazz": "#a96b59",
    "metal": "#e76300",
    "pop": "#b9ac70",
    "reggae": "#717581",
    "rock": "#92dadd",
}

GENRES = tuple(_COLORS)
"""The ten genres of GTZAN in the order of the published table (alphabetical)."""

_LONGEST_METRIC = 200

_PLACES = frozenset("/\\:")  # separators of folders and drives on any system


def labelled(data: str, synthetic: bool) -> str:
    """Return the name of a data set, with a warning if it is synthetic."""
    return f"{data} (SYNTHETIC, not GTZAN)" if synthetic else data


def genre_colors(classes: Sequence[str]) -> dict[str, str]:
    """Return a colour-blind-safe hex colour per class; a GTZAN genre has one everywhere."""
    palette = itertools.cycle(_COLORS.values())
    return {name: _COLORS.get(name) or next(palette) for name in classes}


def metric_names(classes: Sequence[str]) -> dict[str, str]:
    """Return the names of classes within names of metrics, which MLflow restricts.

    Characters other than letters, digits, ``_-.`` and space become ``_``. Classes that
    would share a name are numbered: ``r&b`` and ``r+b`` are ``r_b`` and ``r_b_2``.
    """
    short = {name: re.sub(r"[^\w.\- ]", "_", name)[:_LONGEST_METRIC] for name in classes}
    names = {name: name for name in classes if short[name] == name and name.strip(".")}
    for name in classes:
        if name not in names:
            plain = short[name] if short[name].strip(".") else "_" * len(name)
            numbered = itertools.chain([plain], (f"{plain}_{n}" for n in itertools.count(2)))
            names[name] = next(new for new in numbered if new not in names.values())
    return {name: names[name] for name in classes}


def is_text(name: str) -> bool:
    """Return whether a name is text on one line: no control characters, no bytes outside UTF-8."""
    return not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]", name)


def track_id(filename: str, genre: str) -> str:
    """Return the id ``<genre>.<rest>`` of a file, the same for its names in all views.

    ``blues.00000.wav``, ``blues.00000.au``, ``blues.00000.png`` and ``blues00000.png`` all become
    ``blues.00000``; ``my song.mp3`` in the folder ``rock`` becomes ``rock.my song``. `filename` may
    be a path, of which the last part counts; `genre` is its label or folder.
    """
    head, _, suffix = filename.rpartition(".")
    if suffix.isalpha() and head.startswith(f"{genre}.") and not _PLACES & set(head):
        return head  # as by the rule, 50 times as fast
    return _by_rule(filename, genre)


def ids_of(name: str) -> Iterator[str]:
    """Yield the possible ids of a track that a list calls `name`, the most likely first.

    ``rock/one song.wav`` (and ``rock\\one song.wav``) is ``rock.one song``; without a folder the
    genre is what stands before the first dot, or before the number, as in ``blues00000.png``.
    """
    *folders, file = name.replace("\\", "/").split("/")
    if folders:
        yield track_id(file, folders[-1])
    yield track_id(file, file.partition(".")[0])
    numbered = re.fullmatch(r"(.*[^\d.])\d+(?:\.\d+)?", PurePath(file).stem)
    if numbered:
        yield track_id(file, numbered[1])


def _by_rule(filename: str, genre: str) -> str:
    path = PurePath(filename)
    stem = path.name if path.suffix[1:].isdecimal() else path.stem
    gtzan_name = re.fullmatch(rf"{re.escape(genre)}\.?(\d+(?:\.\d+)?)", stem)
    if gtzan_name:
        return f"{genre}.{gtzan_name[1]}"
    return stem if stem.startswith(f"{genre}.") else f"{genre}.{stem}"
