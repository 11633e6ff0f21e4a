"""The pairs that the files of the configuration offer, so that tests run over what is added."""

from __future__ import annotations

from omegaconf import DictConfig, OmegaConf

from gtzan_exp.config.compose import composed
from gtzan_exp.config.files import choices, conf_folder
from gtzan_exp.config.reading import object_of
from gtzan_exp.data.inputs import Gives, order


def pairs() -> list[tuple[str, str]]:
    """Return every view with every model that takes what it gives."""
    gives = {name: composed([f"view={name}"], _gives) for name in choices("view")}
    folder = conf_folder() / "model"
    takes = {name: _takes(OmegaConf.load(folder / f"{name}.yaml")) for name in choices("model")}
    return [
        (view, model)
        for view, forms in gives.items()
        for model, kinds in takes.items()
        if forms and order(kinds, forms) is not None
    ]


def _gives(config: DictConfig) -> Gives:
    """Return what a view gives: nothing where it is wrong, which its own test says."""
    view = object_of(OmegaConf.to_container(config.view, resolve=True), "view", [])
    return getattr(view, "gives", ())


def _takes(node: DictConfig) -> str | tuple[str, ...]:
    return node.input if isinstance(node.input, str) else tuple(node.input)
