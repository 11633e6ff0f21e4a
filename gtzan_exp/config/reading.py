"""From a config to checked objects, for every command, with all mistakes at once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from gtzan_exp.audio.features import FeatureSettings
from gtzan_exp.audio.prepare import PrepareSettings
from gtzan_exp.audio.spectrograms import SpectrogramSettings
from gtzan_exp.basics.checks import checked, imported, not_set, object_of, once, plain, unknown
from gtzan_exp.basics.errors import ConfigError, Mistake
from gtzan_exp.embed.contracts import Embedder

_METHODS = {
    "data": "folder",
    "view": "load",
    "split": "split",
    "trainer": "needs_validation",
    "model": "fit",
    "tracking": "client",
    "embedder": "embed",
}
_ESTIMATOR = ("get_params", "set_params")


@dataclass(frozen=True)
class Reading:
    """A config that is being read: its resolved content, and the mistakes so far."""

    node: dict[str, Any]
    mistakes: list[Mistake]

    def object(self, group: str) -> Any:
        """Return the object of a group, or None and its mistakes."""
        node = self.node.get(group)
        found = isinstance(node, Mapping)
        return object_of(node, group, self.mistakes, class_of) if found else None

    def settings(self, target: type) -> Any:
        """Return the top-level options as a pydantic dataclass, or None and its mistakes."""
        return checked(target, self.own(target), "", self.mistakes)

    def own(self, target: type) -> dict[str, Any]:
        """Return the top-level options that are fields of a dataclass."""
        return {name: self.node[name] for name in option_names(target) if name in self.node}


@contextmanager
def reading(
    config: DictConfig,
    groups: Sequence[str],
    options: Sequence[str],
    mistakes: Iterable[Mistake] = (),
) -> Iterator[Reading]:
    """Read a config with these groups and options; raise all mistakes on exit, one per option."""
    found = list(mistakes)
    node = plain(config, found)
    found += unknown(node, [*options, *groups], "")
    found += [not_set(name, "NAME") for name in groups if node.get(name) is None]
    yield Reading(node, found)
    if found:
        raise ConfigError(once(found))


def option_names(target: type) -> list[str]:
    return [field.name for field in fields(target)]


def class_of(path: Any, where: str, mistakes: list[Mistake]) -> Any:
    """Return the class with that dotted name if it is allowed there, or None and a mistake.

    A group takes a class with the method that it calls. A nested node takes an estimator, a
    trainer, or a class of this package; no other class is ever instantiated.
    """
    found = imported(path, where, mistakes)
    group, _, inner = where.partition(".")
    methods = [_METHODS.get(group, "__init__"), *(_ESTIMATOR if group == "model" else ())]
    allowed = f"a class with {', '.join(map(repr, methods))}"
    fits = isinstance(found, type) and all(hasattr(found, method) for method in methods)
    if inner and not (fits and group == "view"):
        allowed = "an estimator, a trainer, an embedder, or a class of gtzan_exp"
        fits = isinstance(found, type) and _is_part(found)
    if found is None or fits:
        return found
    mistakes.append(Mistake(f"{where}._target_", "does not fit", allowed, path))
    return None


def _is_part(found: type) -> bool:
    kinds = (_ESTIMATOR, (_METHODS["trainer"],), (_METHODS["embedder"], "weights"))
    named = any(all(hasattr(found, name) for name in names) for names in kinds)
    return named or (found.__module__.startswith("gtzan_exp.") and is_dataclass(found))


def read_preparation(config: DictConfig) -> tuple[Path, Path, PrepareSettings, Embedder]:
    """Return the two folders, the settings and the embedder, or raise every mistake in them."""
    options = [*option_names(PrepareSettings), "data", "view", "paths"]
    with reading(config, ["embedder"], options) as found:
        data, view = (found.node.get(name) or {} for name in ("data", "view"))
        kinds = {"features": FeatureSettings, "spectrograms": SpectrogramSettings}
        known = [option for kind in kinds.values() for option in option_names(kind)]
        for name, kind in kinds.items():
            own = {key: view[key] for key in option_names(kind) if key in view}
            if made := checked(kind, own, "view", found.mistakes):
                found.node[name] = made
        found.mistakes.extend(unknown(view, list(dict.fromkeys(known)), "view"))
        found.mistakes.extend(unknown(data, ["audio", "root", "labels", "offset"], "data"))
        found.node["labels"] = data.get("labels") or {}
        found.node["offset"] = data.get("offset", 0.0)
        settings, embedder = found.settings(PrepareSettings), found.object("embedder")
        for place, mistake in enumerate(found.mistakes):
            if mistake.where in data:
                found.mistakes[place] = replace(mistake, where=f"data.{mistake.where}")
    return Path(data["audio"]).expanduser(), Path(data["root"]).expanduser(), settings, embedder
