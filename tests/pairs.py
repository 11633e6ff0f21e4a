"""The pairs that the files of the configuration offer, so that tests run over what is added."""

from __future__ import annotations

from contextlib import suppress
from functools import cache

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from gtzan_exp.config.compose import composed
from gtzan_exp.config.files import choices, conf_folder
from gtzan_exp.data.inputs import Gives, order


@cache
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


def a_view_for_each_model() -> dict[str, str]:
    """Return, by model, the first view that gives what it takes."""
    return {model: view for view, model in reversed(pairs())}


def _gives(config: DictConfig) -> Gives | None:
    """Return what a view gives, or None where it is wrong, which its own test says."""
    with suppress(InstantiationException):
        return instantiate(config.view, _convert_="all").gives
    return None


def _takes(node: DictConfig) -> str | tuple[str, ...]:
    return node.input if isinstance(node.input, str) else tuple(node.input)
