"""Models for jobs that end badly or look around; a test copies the file beside its configs."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

REHEARSED = 10
"""A rehearsal is of fewer iterations than these."""


class Ends(LogisticRegression):
    """With ``C=1`` it ends well; with 2 it fails, with 3 its process dies, after the rehearsal."""

    def fit(self, X, y, sample_weight=None):
        if self.max_iter > REHEARSED and self.C == 2:
            raise ValueError("two is too much")
        if self.max_iter > REHEARSED and self.C == 3:  # as if it needed more memory than there is
            os.kill(os.getpid(), signal.SIGKILL)
        return super().fit(X, y, sample_weight)


class Waits(LogisticRegression):
    """Its fit does not end, after that of the rehearsal."""

    def fit(self, X, y, sample_weight=None):
        if self.max_iter > REHEARSED:
            time.sleep(600)
        return super().fit(X, y, sample_weight)


class SaysThreads(LogisticRegression):
    """It writes to ``threads/`` how many threads each library takes in its worker."""

    def fit(self, X, y, sample_weight=None):
        folder = Path("threads")
        folder.mkdir(exist_ok=True)
        (folder / f"{os.getpid()}.json").write_text(json.dumps(_threads()))
        return super().fit(X, y, sample_weight)


def _threads() -> dict[str, int]:
    from sklearn.utils._openmp_helpers import _openmp_effective_n_threads
    from threadpoolctl import threadpool_info

    from gtzan_exp.basics import keras_loader
    from gtzan_exp.models.boosting import XGBoost

    openmp = _openmp_effective_n_threads()
    trees = XGBoost(n_estimators=2).fit(np.eye(20), np.arange(20) % 2).get_booster()
    asked = int(json.loads(trees.save_config())["learner"]["generic_param"]["nthread"])
    numbers = keras_loader.load().ops.ones((500, 500))
    (numbers @ numbers).numpy()
    names = [(task / "comm").read_text().strip() for task in Path("/proc/self/task").iterdir()]
    return {
        "scikit-learn": openmp,
        "XGBoost": asked or openmp,
        "TensorFlow": names.count("tf_Compute"),
        **{library["prefix"]: library["num_threads"] for library in threadpool_info()},
    }
