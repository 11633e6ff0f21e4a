"""Models for jobs that end badly, in a module that workers can import."""

from __future__ import annotations

import os
import signal
import time

from sklearn.linear_model import LogisticRegression


class Dies(LogisticRegression):
    """Its process ends like one that needs more memory than there is."""

    def fit(self, X, y, sample_weight=None):
        os.kill(os.getpid(), signal.SIGKILL)


class Waits(LogisticRegression):
    """Its fit does not end."""

    def fit(self, X, y, sample_weight=None):
        time.sleep(600)
