"""What the configuration offers, found in its files, so that tests run over what is added to it."""

from __future__ import annotations

from omegaconf import DictConfig, OmegaConf

from gtzan_exp.config.cell import conf_folder
from gtzan_exp.config.compose import composed
from gtzan_exp.config.reading import object_of
from gtzan_exp.data.inputs import Gives, order


def names(group: str) -> list[str]:
    """Return the names of the files of a group."""
    return sorted(path.stem for path in (conf_folder() / group).glob("*.yaml"))


def pairs() -> list[tuple[str, str]]:
    """Return every view with every model that takes what it gives."""
    views = {name: composed([f"view={name}"], _gives) for name in names("view")}
    takes = {name: OmegaConf.load(conf_folder() / f"model/{name}.yaml") for name in names("model")}
    return [
        (view, model)
        for view, gives in views.items()
        for model, node in takes.items()
        if order(_input(node), gives) is not None
    ]


def _gives(config: DictConfig) -> Gives:
    """Return what a view gives: nothing where it is wrong, which its own test says."""
    view = object_of(OmegaConf.to_container(config.view, resolve=True), "view", [])
    return getattr(view, "gives", ())


def _input(node: DictConfig) -> str | tuple[str, ...]:
    return node.input if isinstance(node.input, str) else tuple(node.input)
