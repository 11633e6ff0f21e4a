"""TensorFlow and Keras, imported late and without the noise that they make."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import ModuleType


def load() -> tuple[ModuleType, ModuleType]:
    """Return the modules ``keras`` and ``tensorflow``; the first call takes seconds."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    _share_cores()
    with nullcontext() if "tensorflow" in sys.modules else _held_back():
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


@contextmanager
def _held_back() -> Iterator[None]:
    """Hold back what libraries write to the standard error, and let it out when they fail.

    TensorFlow's libraries report missing devices and CPU options before they read the setting
    that would keep them from it.
    """
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(stderr, held.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
