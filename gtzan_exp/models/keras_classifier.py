"""A Keras network as a scikit-learn classifier."""

from __future__ import annotations

import math
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, get_type_hints

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils.validation import check_is_fitted

from gtzan_exp.basics import keras_loader
from gtzan_exp.basics.errors import DivergedError, Mistake
from gtzan_exp.basics.terminal import doing
from gtzan_exp.data.inputs import Inputs, by_name, take
from gtzan_exp.models.trainer import Trainer

if TYPE_CHECKING:
    import keras


@dataclass(kw_only=True, eq=False, repr=False)
class KerasClassifier(ClassifierMixin, BaseEstimator, ABC):
    """Base class of networks: a subclass adds hyper-parameters and the method `network`.

    A subclass is a dataclass too, or has its own `__init__`. Hyper-parameters are checked by `fit`,
    and before a run, against scikit-learn's constraints in ``Annotated[int, ...]``. Labels may be
    of any type. The network is saved as the bytes of a ``.keras`` file, which needs no unpickling
    and can be loaded under another backend.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    model_ : keras.Model
    history_ : dict of str to list of float
        ``loss`` and ``accuracy`` by epoch, with the prefix ``val_`` for the validation part.
    best_epoch_ : int
        The epoch, counted from 1, whose weights are kept.
    """

    smallest: ClassVar[int] = 1  # minimum size of an input along each dimension except the channels
    trainer: Annotated[Trainer | None, Trainer, None] = None  # null: the defaults of `Trainer`
    # seeds Python, NumPy, the backend and the order of the rows at the start of `fit`
    random_state: Annotated[int, "random_state"] = 0
    _parameter_constraints: ClassVar[dict[str, list]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "_parameter_constraints" not in vars(cls):
            hints = get_type_hints(cls, include_extras=True).items()
            checked = {name: getattr(hint, "__metadata__", None) for name, hint in hints}
            cls._parameter_constraints = {name: [*how] for name, how in checked.items() if how}

    @abstractmethod
    def network(self, input_shape: Any, n_classes: int) -> keras.Model:
        """Return the uncompiled network, with a final softmax over `n_classes`.

        `input_shape` is that of a row, or a dict with that of each named input.
        """

    @property
    def needs_validation(self) -> bool:
        """Whether `fit` needs ``validation_data``."""
        return (self.trainer or Trainer()).needs_validation

    def as_found(self) -> Self:
        """Return an unfitted clone that trains for the best number of epochs."""
        found, epochs = self.trainer or Trainer(), self.best_epoch_
        trainer = replace(found, epochs=epochs, patience=None, keep="last")
        return clone(self).set_params(trainer=trainer)

    def fit(self, X, y, validation_data: tuple[Any, Any] | None = None) -> Self:
        """Train the network on rows that are read batch by batch, so they may exceed memory.

        `validation_data` (X, y) are the rows for early stopping. Raises `ValueError` if a parameter
        is not valid, the inputs are smaller than `smallest`, or the rows are needed and missing.
        """
        self._validate_params()
        self._check_size(X)
        trainer = self.trainer or Trainer()
        if self.needs_validation and validation_data is None:
            raise ValueError("validation_data is needed, or Trainer(patience=None, keep='last')")
        keras = keras_loader.load(trainer.backend)
        keras.utils.set_random_seed(self.random_state)
        self.classes_, codes = np.unique(np.asarray(y), return_inverse=True)

        size = trainer.batch_size
        loss: Any = "sparse_categorical_crossentropy"
        targets: np.ndarray = np.arange(len(self.classes_))
        if trainer.label_smoothing:
            loss = keras.losses.CategoricalCrossentropy(label_smoothing=trainer.label_smoothing)
            targets = np.eye(len(self.classes_), dtype=np.float32)
        validation = None
        if validation_data is not None:
            X_val, y_val = validation_data
            known = np.flatnonzero(np.isin(y_val, self.classes_))
            val_codes = np.searchsorted(self.classes_, np.asarray(y_val)[known])
            validation = _batches(keras, X_val, targets[val_codes], known, size)

        shape = _like(X, [tuple(array.shape[1:]) for array in _arrays(X)])
        self.model_ = self._build(shape, trainer)
        rows = np.arange(len(codes))
        training = _batches(keras, X, targets[codes], rows, size, self.random_state)
        optimizer = _optimizer(keras, trainer, trainer.epochs * training.steps)
        self.model_.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
        with doing("epochs", trainer.epochs) as advance:
            history = self.model_.fit(
                training,
                epochs=trainer.epochs,
                steps_per_epoch=training.steps,
                validation_data=validation,
                validation_steps=validation and validation.steps,
                shuffle=False,  # `_batches` shuffles
                callbacks=_callbacks(trainer, keras, advance),
                verbose=0,
            )
        if trainer.ema:  # JAX would keep the average in memory that predicting takes away
            self.model_.set_weights(self.model_.get_weights())
        self.history_ = {key: [float(v) for v in values] for key, values in history.history.items()}
        if not np.isfinite(last := self.history_["loss"][-1]):
            what = f"the loss is not finite in epoch {len(self.history_['loss'])}"
            allowed = "a lower one (or model.scaler=standard, where inputs are large)"
            got = f"{trainer.learning_rate:g}, with which it came to {last}"
            mistake = Mistake("trainer.learning_rate", what, allowed, got)
            raise DivergedError(mistake, self.history_)
        losses = self.history_["val_loss"] if trainer.keep == "best" else None
        self.best_epoch_ = int(np.nanargmin(losses)) + 1 if losses else len(self.history_["loss"])
        return self

    def predict_proba(self, X) -> np.ndarray:
        """Return float32 probabilities of shape (n, n_classes), columns as in `classes_`."""
        check_is_fitted(self, "model_")
        size = (self.trainer or Trainer()).batch_size
        parts = (slice(start, start + size) for start in range(0, len(X), size))
        predict = self.model_.predict_on_batch
        return np.concatenate([predict(_like(X, _numbers(X, rows))) for rows in parts])

    def predict(self, X) -> np.ndarray:
        """Return the most probable class of each row, shape (n,)."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def _build(self, shape: Any, trainer: Trainer) -> keras.Model:
        shapes = shape.values() if isinstance(shape, dict) else [shape]
        if not trainer.changes_pictures or all(len(of) < 3 for of in shapes):
            return self.network(shape, len(self.classes_))
        from gtzan_exp.models.augment import around

        return around(self.network, shape, len(self.classes_), trainer, self.random_state)

    def _check_size(self, X) -> None:
        for array in _arrays(X):
            size = array.shape[1:-1]
            if size and min(size) < self.smallest:
                name, got = type(self).__name__, " x ".join(map(str, size))
                least = f"at least {self.smallest} in each direction"
                raise ValueError(f"{name} needs {least}, got {got}")

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        if isinstance(state.get("trainer"), Trainer):
            state["trainer"] = asdict(state["trainer"])
        if "model_" in state:
            state["model_"] = _to_bytes(state["model_"])
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        if isinstance(state.get("trainer"), dict):
            state["trainer"] = Trainer(**state["trainer"])
        if "model_" in state:
            state["model_"] = _from_bytes(state["model_"])
        super().__setstate__(state)


def _arrays(X) -> list[Any]:
    return list(by_name(X, "X").values())


def _like(X, found: Sequence[Any]) -> Any:
    """Return values for the arrays of X: by name if there are several, else the only one."""
    return dict(zip(X.arrays, found, strict=True)) if isinstance(X, Inputs) else found[0]


def _numbers(X, rows: slice | np.ndarray) -> list[np.ndarray]:
    return [np.asarray(array, dtype=np.float32) for array in _arrays(take(X, rows))]


def _batches(
    keras: ModuleType, X, targets: np.ndarray, rows: np.ndarray, size: int, seed: int | None = None
) -> Any:
    """Return an endless, lazy `PyDataset` of (inputs, targets), shuffled by epoch with a seed."""
    steps = math.ceil(len(rows) / size)

    @lru_cache(maxsize=1)
    def order(epoch: int) -> np.ndarray:
        if seed is None:
            return np.arange(len(rows))
        return np.random.default_rng([seed, epoch]).permutation(len(rows))

    class Batches(keras.utils.PyDataset):  # type: ignore[name-defined]
        num_batches = None  # else Keras restarts the pipeline each epoch

        def __getitem__(self, index: int) -> tuple[Any, np.ndarray]:
            epoch, step = divmod(index, steps)
            numbers = order(epoch)[step * size : (step + 1) * size]
            return _like(X, _numbers(X, rows[numbers])), targets[numbers]

    batches = Batches()
    batches.steps = steps
    return batches


def _optimizer(keras: ModuleType, trainer: Trainer, steps: int) -> Any:
    rate: Any = trainer.learning_rate
    warm = round(trainer.warmup * steps)
    cosine = trainer.schedule == "cosine"
    if cosine or warm:
        start = {"warmup_target": rate if warm else None, "warmup_steps": warm}
        decay, alpha = keras.optimizers.schedules.CosineDecay, 0.0 if cosine else 1.0
        rate = decay(0.0 if warm else rate, steps - warm, alpha=alpha, **start)
    ema = {"use_ema": True, "ema_momentum": trainer.ema} if trainer.ema else {}
    if not trainer.weight_decay:
        return keras.optimizers.Adam(rate, **ema)
    optimizer = keras.optimizers.AdamW(rate, weight_decay=trainer.weight_decay, **ema)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def _callbacks(trainer: Trainer, keras, advance: Callable[..., None]) -> list:
    def ended(epoch: int, logs: dict[str, float]) -> None:
        watched = "val_accuracy" if "val_accuracy" in logs else "accuracy"
        advance(f"{watched} {logs[watched]:.3f}")
        progress.model.stop_training |= not np.isfinite(logs["loss"])

    progress = keras.callbacks.LambdaCallback(on_epoch_end=ended)
    callbacks = [progress]
    if trainer.ema:
        callbacks.append(keras.callbacks.SwapEMAWeights(swap_on_epoch=True))
    if trainer.needs_validation:
        patience, best = trainer.patience or trainer.epochs, trainer.keep == "best"
        stop = keras.callbacks.EarlyStopping
        callbacks.append(stop("val_loss", patience=patience, restore_best_weights=best))
    return callbacks


def _to_bytes(model: keras.Model) -> np.ndarray:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.keras"
        model.save(path, include_optimizer=False)
        return np.frombuffer(path.read_bytes(), dtype=np.uint8)


def _from_bytes(raw: np.ndarray) -> keras.Model:
    keras = keras_loader.load()
    import gtzan_exp.models.augment  # noqa: F401  layers that a saved network may have

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.keras"
        path.write_bytes(np.asarray(raw, dtype=np.uint8).tobytes())
        return keras.models.load_model(path, compile=False, safe_mode=True)
