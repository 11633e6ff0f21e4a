"""``python -m gtzan_exp`` is ``gtzan-exp``."""

from gtzan_exp.cli import run

run()
