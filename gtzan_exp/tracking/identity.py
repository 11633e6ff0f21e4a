"""The identity of a run: its code and options, and the content of its data and split."""

import hashlib
import inspect
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path, PurePath
from typing import Any

import numpy as np

import gtzan_exp
from gtzan_exp.basics.digests import digest
from gtzan_exp.basics.files import read_bytes
from gtzan_exp.data.contracts import Dataset, Place, Split

_PRINTS = ("data_fingerprint", "split_fingerprint", "test_fingerprint")
IDENTITY_TAGS = ("places", "code", *_PRINTS, "leak", "config_hash")

_CELL = ("seed", "data", "view", "split", "model")
_SWITCHES = {"trainer.refit": "False", "split.evaluate": "test"}  # only count if switched on
_SHIPPED = ("conf", "template")  # beside the package in the source tree
TRAINER = "${trainer}"  # the parameter of a nested trainer that is the trainer of the run
_SEEDS = ("seed", "random_state")
_PLACES_BEFORE = (  # for older runs without this tag
    "data.root=data,data.cache=data,data.splits=split,split.dir=split,split.train=split,"
    "split.val=split,split.test=split,split.table=split,split.source=split,split.groups=split"
)


def identity_tags(
    params: Mapping[str, Any], cell: Mapping[str, object], dataset: Dataset, split: Split, leak: str
) -> dict[str, str]:
    """Return the tags that identify a run; equal ``config_hash`` means equal results.

    It hashes the code, the content of the data and of the parts of the split, and the options of
    the `cell` (objects by group) except each `Place`. A trainer counts through the models that use
    it. `params` are the flattened config, with `TRAINER`.
    """
    params = _whole(params)
    named = [(key, part) for group in cell for key, part in _parts(group, cell[group])]
    places = {
        key: mark.value
        for name, part in named
        for option, declared in _options(part).items()
        for mark in declared.metadata
        if isinstance(mark, Place)
        for key in params
        if f"{key}.".startswith(f"{name}.{option}.")
    }
    code = source_fingerprint(type(part) for _, part in named)
    tested = digest(*(",".join(np.unique(dataset.tracks[fold.test])) for fold in split.folds))
    prints = (dataset.fingerprint, split.fingerprint)
    second = () if dataset.accepted is None else (digest(*dataset.accepted),)
    whole = digest(sorted(_of_the_cell(params, places).items()), code, *prints, *second)
    text = ",".join(f"{key}={of}" for key, of in places.items())
    return dict(zip(IDENTITY_TAGS, (text, code, *prints, tested, leak, whole), strict=True))


def recorded_options(params: Mapping[str, str], tags: Mapping[str, str]) -> dict[str, str]:
    """Return the options of a recorded run as columns of `query.recorded_runs`."""
    entries = tags.get("places", _PLACES_BEFORE).split(",")
    places = dict(entry.partition("=")[::2] for entry in entries)
    params = _whole(params)
    options = _of_the_cell(params, places)
    seeds = {key: value for key, value in options.items() if key.rpartition(".")[2] in _SEEDS}
    of_data, of_split = (
        {key: value for key, value in params.items() if places.get(key) == place.value}
        for place in (Place.OF_DATA, Place.OF_SPLIT)
    )
    names = {key: PurePath(path).name for key, path in of_split.items()}
    lists = _text(of_split, "data.") if any(key.startswith("split.") for key in of_split) else ""
    return {
        "options": digest(
            *sorted(pair for pair in options.items() - seeds.items() if pair[1] != "None")
        ),
        "seeds": _text(seeds),
        "data_options": _text(options, "data.", without=("_target_", "classes")),
        "data_place": _text(of_data, "data."),
        "view_options": _text(options, "view."),
        "split_options": _text(options, "split.", without=("_target_", "name")),
        "split_files": _text(names, "split."),
        "split_place": _text(of_split, "split.") or lists,
    }


def source_fingerprint(classes: Iterable[type] = ()) -> str:
    """Return a hash of the source of this package and of the modules that define `classes`.

    Modules of other packages count too, so a changed model of scikit-learn changes the hash.
    """
    package = Path(gtzan_exp.__file__).parent
    files = {Path(inspect.getfile(found)) for found in classes}
    others = sorted(path for path in files if not path.is_relative_to(package))
    return digest(_package_hash(package), *map(_file_hash, others))


@cache
def _package_hash(package: Path) -> str:
    found = (path.relative_to(package) for path in package.rglob("*.py"))
    names = sorted(name for name in found if name.parts[0] not in _SHIPPED)
    return digest(*((name.as_posix(), _file_hash(package / name)) for name in names))


@cache
def _file_hash(path: Path) -> str:
    return hashlib.sha256(read_bytes(path)).hexdigest()


def _whole(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters with those of the trainer in place of each `TRAINER`."""
    trainer = {key: value for key, value in params.items() if key.startswith("trainer.")}
    whole = dict(params)
    for nested in [key for key, value in params.items() if value == TRAINER]:
        del whole[nested]
        whole |= {f"{nested.removesuffix('trainer')}{key}": trainer[key] for key in trainer}
    return whole


def _of_the_cell(params: Mapping[str, Any], places: Container[str]) -> dict[str, Any]:
    return {
        key: value
        for key, value in params.items()
        if str(value) != _SWITCHES.get(key)
        and (key in _SWITCHES or (key.partition(".")[0] in _CELL and key not in places))
    }


def _parts(name: str, found: Any) -> Iterator[tuple[str, Any]]:
    """Yield the object of a group and its nested parts, each with its dotted key."""
    if not isinstance(found, Mapping):
        yield name, found
        found = {option: getattr(found, option, None) for option in _options(found)}
    for key, part in found.items():
        if isinstance(part, Mapping) or _options(part):
            yield from _parts(f"{name}.{key}", part)


def _options(part: Any) -> dict[str, Any]:
    return getattr(type(part), "__pydantic_fields__", {})


def _text(options: Mapping[str, str], of: str = "", without: Sequence[str] = ()) -> str:
    said = {k.removeprefix(of): v for k, v in options.items() if k.startswith(of) and v != "None"}
    return ", ".join(f"{key}={said[key]}" for key in sorted(said) if key not in without)
