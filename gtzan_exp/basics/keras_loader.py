"""Keras and its backend, imported lazily and without the messages of TensorFlow.

`KERAS_BACKEND` names the backend: ``tensorflow`` (the default), ``jax`` or ``torch``. Nothing else
in the package calls a backend.
"""

import logging
import os
import sys
from contextlib import nullcontext
from types import ModuleType

from gtzan_exp.basics.errors import ConfigError, Mistake
from gtzan_exp.basics.process import silent_libraries

VARIABLE = "KERAS_BACKEND"


def load(backend: str | None = None) -> ModuleType:
    """Return the module ``keras``, with the backend or any; `ConfigError` where it has another."""
    if "keras" in sys.modules:
        os.environ[VARIABLE] = sys.modules["keras"].backend.backend()
    elif backend:
        os.environ[VARIABLE] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # Keras may import it with any backend
    logging.getLogger("jax").setLevel(logging.WARNING)
    if os.environ.setdefault(VARIABLE, "tensorflow") == "tensorflow":
        _tensorflow()
    import keras

    if backend not in (None, os.environ[VARIABLE]):
        allowed = f"{os.environ[VARIABLE]} in this process, or {VARIABLE}={backend} before it"
        raise ConfigError(Mistake("trainer.backend", "Keras runs on another", allowed, backend))
    return keras


def _tensorflow() -> None:
    if threads := os.environ.get("OMP_NUM_THREADS"):  # TensorFlow has variables of its own
        os.environ.setdefault("TF_NUM_INTRAOP_THREADS", threads)
        os.environ.setdefault("TF_NUM_INTEROP_THREADS", threads)
    with nullcontext() if "tensorflow" in sys.modules else silent_libraries(until_they_fail=True):
        import tensorflow
        from absl import logging as absl_logging
    if tensorflow.config.list_physical_devices("GPU"):
        tensorflow.config.experimental.enable_op_determinism()
    # TensorFlow warns of retracing for every further network in a process.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    # absl's log handler would close a replaced standard error when logging is set.
    if sys.__stderr__ is not None:
        absl_logging.get_absl_handler().python_handler.setStream(sys.__stderr__)
