"""Keras and its backend, imported late and without the noise that TensorFlow makes.

`KERAS_BACKEND` names the backend: ``tensorflow`` (the default), ``jax`` or ``torch``. Nothing else
in the package calls a backend.
"""

from __future__ import annotations

import logging
import os
import sys
from contextlib import nullcontext
from types import ModuleType

from gtzan_exp.basics.errors import ConfigError, Mistake
from gtzan_exp.basics.process import silent_libraries

VARIABLE = "KERAS_BACKEND"


def load(backend: str | None = None) -> ModuleType:
    """Return the module ``keras``; the first call takes seconds.

    Parameters
    ----------
    backend : str, optional
        The one that a run asks for; any other will do when omitted.

    Raises
    ------
    ConfigError
        This process uses another backend already.
    """
    if "keras" in sys.modules:
        os.environ[VARIABLE] = sys.modules["keras"].backend.backend()
    elif backend:
        os.environ[VARIABLE] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # whatever computes, Keras may import it
    logging.getLogger("jax").setLevel(logging.WARNING)
    if os.environ.setdefault(VARIABLE, "tensorflow") == "tensorflow":
        _tensorflow()
    import keras

    if backend not in (None, os.environ[VARIABLE]):
        allowed = f"{os.environ[VARIABLE]} in this process, or {VARIABLE}={backend} before it"
        raise ConfigError(Mistake("trainer.backend", "Keras runs on another", allowed, backend))
    return keras


def _tensorflow() -> None:
    _share_cores()
    with nullcontext() if "tensorflow" in sys.modules else silent_libraries(until_they_fail=True):
        import tensorflow
    if tensorflow.config.list_physical_devices("GPU"):
        tensorflow.config.experimental.enable_op_determinism()
    # It takes a second network in one process for a loop that builds the same one anew.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    _spare_the_standard_error()


def _share_cores() -> None:
    """Give TensorFlow the threads that a process pool leaves its workers; it reads only its own."""
    threads = os.environ.get("OMP_NUM_THREADS")
    if threads:
        os.environ.setdefault("TF_NUM_INTRAOP_THREADS", threads)
        os.environ.setdefault("TF_NUM_INTEROP_THREADS", threads)


def _spare_the_standard_error() -> None:
    """Keep absl, which TensorFlow brings, from closing a standard error that somebody replaced.

    Its log handler closes its stream whenever logging is configured anew, as Hydra does for each
    job, unless that stream is a standard one at that moment.
    """
    from absl import logging as absl_logging

    if sys.__stderr__ is not None:
        absl_logging.get_absl_handler().python_handler.setStream(sys.__stderr__)
