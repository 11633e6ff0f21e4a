"""From a composed config to the objects of a run, or to all the mistakes in it at once."""

import importlib.util
import inspect
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from hydra import compose
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException
from pydantic import BeforeValidator, Field
from pydantic.dataclasses import dataclass as pydantic_dataclass
from sklearn.utils import _param_validation as validation

from gtzan_exp.basics.checks import (
    as_dict,
    checked,
    imported,
    not_set,
    object_of,
    unknown,
    unresolved,
    with_objects,
)
from gtzan_exp.basics.errors import ConfigError, MissingExtraError, Mistake
from gtzan_exp.basics.places import sqlite_uri
from gtzan_exp.config.files import choices
from gtzan_exp.config.reading import class_of, option_names, reading
from gtzan_exp.data.contracts import Classifier, Dataset, Location, Split, Splitter, View
from gtzan_exp.data.inputs import Gives, InputKind, forms_of, kinds_of, order
from gtzan_exp.data.splits import with_validation, without_test
from gtzan_exp.models.build import ModelSpec, part
from gtzan_exp.models.trainer import Trainer
from gtzan_exp.models.validation import cuts_rows, needs_validation
from gtzan_exp.tracking.identity import IDENTITY_TAGS, TRAINER
from gtzan_exp.tracking.record import RECORD_TAGS
from gtzan_exp.tracking.store import Tracking
from gtzan_exp.tracking.sweep_run import JOB_TAGS

GROUPS = ("data", "view", "split", "trainer", "model", "tracking", "experiment", "sweep")
Evaluate = Literal["test", "val"]
_NODES = ("data", "view", "split", "trainer", "model", "tracking")
_Text = Annotated[str, BeforeValidator(str)]
_Folder = Annotated[str, Field(min_length=1)]
_CELL_TAGS = ("data", "synthetic", "view", "model", "split", "seed")
_OWN_TAGS = frozenset((*_CELL_TAGS, *IDENTITY_TAGS, *RECORD_TAGS, *JOB_TAGS, "doubts"))
_SPEC_FIELDS = tuple(ModelSpec.__dataclass_fields__)


@pydantic_dataclass(frozen=True, kw_only=True)
class Options:
    """The options of a run that belong to no group."""

    seed: Annotated[int, Field(strict=True, ge=0, lt=2**32)]
    name: str = ""
    tags: dict[str, _Text] = field(default_factory=dict)
    skip_finished: Annotated[bool, Field(strict=True)] = False


@pydantic_dataclass(frozen=True, kw_only=True)
class _Paths:
    work: _Folder
    runs: _Folder
    cache: _Folder


@dataclass(frozen=True)
class Cell:
    """One resolved cell of data x view x split x model, ready to run."""

    data: Location
    view: View
    split: Splitter
    model: ModelSpec
    classifier: Classifier
    trainer: Trainer
    tracking: Tracking
    seed: int
    name: str
    tags: dict[str, str]
    skip_finished: bool
    cache: Path
    evaluate: Evaluate = "test"

    def parts(self, dataset: Dataset) -> Split:
        """Return the parts that the split gives, and a validation part if one is needed.

        Where the split has none but the model or the evaluation needs one, it is cut from the
        training part by the same rule, and `Split.notes` says so. With ``split.evaluate=val`` the
        test parts are empty. Raises `ConfigError` if the data cannot be split this way; `DataError`
        if a file that the split reads is missing or faulty.
        """
        split = self.split.split(dataset)
        hides = self.evaluate == "val"
        is_whole = all(len(fold.val) for fold in split.folds)
        if not is_whole and (hides or needs_validation(self.classifier, len(dataset))):
            share = self.trainer.validation_fraction
            split = with_validation(dataset, split, share, getattr(self.split, "seed", self.seed))
            of = f"{share:.0%} of its tracks as whole {split.apart}s (trainer.validation_fraction)"
            note = f"validation part: cut from training, {of}"
            split = replace(split, notes=(*split.notes, note))
        return without_test(dataset, split) if hides else split


def register() -> None:
    """Register the resolvers of the config, and a model node that accepts any option."""
    open_node = DictConfig({}, flags={"struct": False})
    ConfigStore.instance().store("open_model", {"model": open_node})
    start = os.getcwd()  # hydra.job.chdir=true leaves it
    if "${" in start:
        what, allowed = "has ${ in its name, which Hydra takes for a reference", "another one"
        raise ConfigError(Mistake("working directory", what, allowed, start))
    OmegaConf.register_new_resolver("gtzan_exp.work", lambda: start, replace=True)
    OmegaConf.register_new_resolver("gtzan_exp.cache", _cache_folder, replace=True)
    OmegaConf.register_new_resolver("gtzan_exp.sqlite", sqlite_uri, replace=True)
    OmegaConf.register_new_resolver("gtzan_exp.env", _environment, replace=True)


def resolve(config: DictConfig) -> Cell:
    """Return the objects that `config` describes, or raise every mistake in it."""
    mistakes = _seed_mistakes(config)
    if mistakes:
        config = config.copy()
        OmegaConf.update(config, "seed", 0, force_add=True)
    evaluate: Any = OmegaConf.select(config, "split.evaluate", default="test")
    config = _without_evaluate(config)
    with reading(config, _NODES, [*option_names(Options), "paths"], mistakes) as found:
        node, mistakes = found.node, found.mistakes
        options = found.settings(Options)
        for tag in sorted(_OWN_TAGS.intersection(options.tags if options else ())):
            what, allowed = "is set by the run itself", "a name of your own, for example tags.note"
            mistakes.append(Mistake(f"tags.{tag}", what, allowed, f"tags.{tag}"))
        paths = checked(_Paths, node.get("paths") or {}, "paths", mistakes)
        mistakes += misfit(node.get("view"), node.get("model"))
        objects = {name: found.object(name) for name in _NODES if name != "model"}
        if objects["data"] is not None:
            mistakes += objects["data"].mistakes()
        mistakes += _shown(objects["split"], objects["trainer"], evaluate)
        model = _model(node.get("model"), mistakes)
    assert model is not None  # or there was a mistake
    spec, classifier = model
    return Cell(
        **objects,
        model=spec,
        classifier=classifier,
        cache=Path(paths.cache),
        evaluate=evaluate,
        **asdict(options),
    )


def _without_evaluate(config: DictConfig) -> DictConfig:
    """Return a config without ``split.evaluate``; a split without other options becomes None."""
    config = config.copy()
    with open_dict(config):
        if isinstance(config.get("split"), DictConfig):
            config.split.pop("evaluate", None)
            config.split = config.split or None
    return config


def hidden(config: DictConfig) -> DictConfig:
    """Return a config that hides the test part from its run, as for the trials of a search."""
    config = config.copy()
    OmegaConf.update(config, "split.evaluate", "val", force_add=True)
    return config


def resolve_tracking(config: DictConfig) -> Tracking:
    """Return the tracking store alone, for commands that only read records."""
    config = OmegaConf.masked_copy(config, ["tracking", "paths", "data"])
    with reading(config, ["tracking"], ["paths", "data"]) as found:
        return found.object("tracking")


def _shown(split: Any, trainer: Any, evaluate: Any) -> list[Mistake]:
    """Return the mistakes of options that would leak a hidden test part into training."""
    if evaluate not in get_args(Evaluate):
        allowed = " or ".join(map(repr, get_args(Evaluate)))
        return [Mistake("split.evaluate", "not a valid value", allowed, repr(evaluate))]
    leaks = getattr(split, "leaks", ())
    if evaluate == "val" and leaks:
        what = f"cannot hide a test part that training sees ({', '.join(leaks)})"
        return [Mistake("split.evaluate", what, "a split without leaks on purpose", "val")]
    if getattr(trainer, "refit", False) and "test_as_validation" in leaks:
        what, allowed = "would fit the model to the test part", "split.validation=none"
        return [Mistake("trainer.refit", what, allowed, "split.validation=test")]
    return []


def misfit(view: Mapping[str, Any] | None, model: Mapping[str, Any] | None) -> list[Mistake]:
    """Return a mistake if the model does not take what the view gives."""
    if view is None or model is None or _fit(view, model):
        return []
    got = f"view={view.get('name')} with model={model.get('name')}"
    given = " and ".join(" or ".join(forms) for forms in forms_of(_gives(view) or ()))
    what = f"the model takes {' and '.join(kinds_of(model['input']))}, the view gives {given}"
    return [Mistake(got.replace(" with", ""), what, _pairs_that_work(), got)]


def job_text(config: DictConfig) -> str | None:
    """Return a text that identifies the result of a job, or None where its model and view misfit.

    Jobs that differ only in a ``seed`` that nothing refers to have the same text.
    """
    if misfit(config.view, config.model):
        return None
    kept = [str(key) for key in config if key not in ("hydra", "name", "seed")]
    text = OmegaConf.to_yaml(OmegaConf.masked_copy(config, kept))
    return f"{text}seed: {config.seed}" if "seed}" in text else text


def _fit(view: Mapping[str, Any], model: Mapping[str, Any]) -> bool:
    """Return whether a model takes what a view gives; True where either is faulty in itself."""
    gives, takes = _gives(view), model.get("input")
    if gives is None or not isinstance(takes, Sequence):
        return True
    kinds = kinds_of(takes)
    return not set(kinds) <= set(get_args(InputKind)) or order(kinds, gives) is not None


def _gives(view: Mapping[str, Any]) -> Gives | None:
    """Return what the view of a node gives, or None where the node is faulty."""
    if view.get("gives"):
        return tuple(view["gives"])
    node = as_dict(view) if isinstance(view, DictConfig) else view
    return getattr(object_of(node, "view", [], class_of), "gives", None)


def _pairs_that_work() -> str:
    groups = [(group, name) for group in ("view", "model") for name in choices(group)]
    every = compose("config", [f"+{group}@every.{group}.{name}={name}" for group, name in groups])
    views, models = every.every.view.values(), every.every.model.values()
    return "; ".join(
        f"view={view.name} with " + "|".join(model.name for model in models if _fit(view, model))
        for view in views
    )


def options(config: DictConfig) -> dict[str, Any]:
    """Return the resolved options of the run as a flat mapping with dotted keys.

    A trainer of the model that is that of the run is `TRAINER`.
    """
    plain = as_dict(config)
    trainer = plain["trainer"]

    def once(node: Mapping[str, Any]) -> dict[str, Any]:
        pairs = ((k, TRAINER if value == trainer else value) for k, value in node.items())
        return {k: once(value) if isinstance(value, Mapping) else value for k, value in pairs}

    plain["model"] = once(plain["model"])
    return flatten({name: plain[name] for name in ("seed", *_NODES)})


def described_by(cell: Cell) -> dict[str, str]:
    """Return the tags that follow from the cell alone, before any data is read."""
    synthetic = str(cell.data.synthetic).lower()
    names = (cell.data.name, synthetic, cell.view.name, cell.model.name, cell.split.name)
    return dict(zip(_CELL_TAGS, (*names, str(cell.seed)), strict=True))


def flatten(node: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return a nested mapping as one level with dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in node.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _seed_mistakes(config: DictConfig) -> list[Mistake]:
    """Return the mistake of the seed, which each use of it would repeat."""
    mistakes: list[Mistake] = []
    try:
        seed = OmegaConf.select(config, "seed", throw_on_missing=True)
        checked(Options, {"seed": seed}, "", mistakes)
    except OmegaConfBaseException as error:
        mistakes.append(unresolved("seed", error))
    return mistakes


def _model(
    node: Any, mistakes: list[Mistake], group: str = "model"
) -> tuple[ModelSpec, Classifier] | None:
    """Return the spec and the unfitted classifier of a ``model`` node, or None and mistakes.

    An argument that is a mapping of such nodes becomes a list of (name, pipeline).
    """
    if not isinstance(node, Mapping):
        return None
    before = len(mistakes)
    own = {key: node[key] for key in _SPEC_FIELDS if key in node}
    spec = checked(ModelSpec, own, group, mistakes)
    target = class_of(node.get("_target_"), group, mistakes)
    if target is None or spec is None:
        return None
    arguments = {k: v for k, v in node.items() if k not in _SPEC_FIELDS and k != "_target_"}
    for key, value in arguments.items():
        where = key if key in _NODES else f"{group}.{key}"  # trainer: ${trainer} is said once
        nodes = value if isinstance(value, Mapping) else {}
        nodes = {name: node for name, node in nodes.items() if node is not None}
        if nodes and all(map(_is_model, nodes.values())):
            arguments[key] = _members(nodes, spec, mistakes, where)
        else:
            arguments[key] = with_objects(value, where, mistakes, class_of)
    mistakes += _argument_mistakes(target, arguments, group)
    backend = getattr(arguments.get("trainer"), "backend", None) or "tensorflow"
    if hasattr(target, "network") and not importlib.util.find_spec(backend):
        extra = "networks" if backend == "tensorflow" else backend
        mistakes += MissingExtraError(f"model={node.get('name')}", backend, extra).mistakes
    if len(mistakes) > before:
        return None
    classifier = target(**arguments)
    option = cuts_rows(classifier)
    if option is not None:
        what = "cuts validation rows from the training part, whatever their tracks and artists"
        allowed = "no early stopping; networks and boosted trees stop by the split's own part"
        mistakes.append(Mistake(f"{group}.{option}", what, allowed, str(arguments.get(option))))
    return replace(spec, trusted_types=(*spec.trusted_types, *_named(node))), classifier


def _is_model(node: Any) -> bool:
    return isinstance(node, Mapping) and {"_target_", "input"} <= node.keys()


def _members(
    nodes: Mapping[str, Any], spec: ModelSpec, mistakes: list[Mistake], where: str
) -> list[tuple[str, Any]]:
    """Return the unfitted pipelines of the members of an ensemble, on its inputs."""
    found = []
    for name, node in nodes.items():
        member = _model(node, mistakes, f"{where}.{name}")
        if member is None:
            continue
        try:
            found.append((name, part(*member, spec.input)))
        except ValueError as error:
            allowed = f"what model.input={spec.input} can be brought to"
            mistakes.append(
                Mistake(f"{where}.{name}.input", str(error), allowed, str(node["input"]))
            )
    return found


def _named(node: Any) -> Iterator[str]:
    """Yield the full names of all classes that a node names in ``_target_``, recursively."""
    if isinstance(node, Mapping):
        found = imported(node["_target_"], "", []) if "_target_" in node else None
        yield from () if found is None else (f"{found.__module__}.{found.__qualname__}",)
    for inner in node.values() if isinstance(node, Mapping) else node:
        if isinstance(inner, Mapping | list):
            yield from _named(inner)


def _argument_mistakes(target: Any, arguments: Mapping[str, Any], group: str) -> list[Mistake]:
    """Check arguments against the signature and the parameter constraints of a classifier."""
    parameters = inspect.signature(target).parameters
    known = tuple(name for name, p in parameters.items() if p.kind is not p.VAR_KEYWORD)
    open_ended = len(known) < len(parameters)
    if open_ended and hasattr(target, "_get_param_names"):
        known = tuple(sorted({*known, *target().get_params()}))
    mistakes = unknown(arguments, known, group, f" of {target.__name__}", _SPEC_FIELDS)
    for name, p in parameters.items():
        if p.default is p.empty and p.kind is not p.VAR_KEYWORD and name not in arguments:
            mistakes.append(not_set(f"{group}.{name}"))
    constraints = getattr(target, "_parameter_constraints", {})
    for name, value in arguments.items():
        try:
            validation.validate_parameter_constraints(constraints, {name: value}, target.__name__)
        except validation.InvalidParameterError as error:
            what, text = f"not valid for {target.__name__}", str(error).partition(" must be ")[2]
            allowed, _, got = text.rpartition(". Got ")
            got = got.removesuffix(" instead.")
            mistakes.append(Mistake(f"{group}.{name}", what, allowed, got))
    return mistakes


def _environment(name: str, default: Any = None) -> Any:
    """Return an environment variable; an empty one counts as unset."""
    return os.environ.get(name) or default


def _cache_folder() -> str:
    chosen = os.environ.get("GTZAN_EXP_CACHE")
    if chosen:
        return os.path.abspath(os.path.expanduser(chosen))
    from platformdirs import user_cache_dir

    return user_cache_dir("gtzan_exp", appauthor=False)
