"""TensorFlow and Keras, imported late and without the noise that they make."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import nullcontext
from types import ModuleType

from gtzan_exp.basics.process import silent_libraries


def load() -> tuple[ModuleType, ModuleType]:
    """Return the modules ``keras`` and ``tensorflow``; the first call takes seconds."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    _share_cores()
    with nullcontext() if "tensorflow" in sys.modules else silent_libraries(until_they_fail=True):
        import keras
        import tensorflow
    # It takes a second network in one process for a loop that builds the same one anew.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    _spare_the_standard_error()
    return keras, tensorflow


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
