"""Honest, reproducible music-genre experiments: Hydra configs in, MLflow runs out."""

import importlib
import sys
from types import ModuleType

__version__ = "1.0.0"
__all__ = [  # imported lazily from `gtzan_exp.api`
    "GtzanExpError",
    "audit",
    "compare",
    "explore",
    "load_data",
    "load_model",
    "predict",
    "prepare",
    "run",
    "sweep",
]


class _Package(ModuleType):
    """The package with the functions of its API, some of which share names with subpackages."""

    def __getattr__(self, name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module("gtzan_exp.api"), name)

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in __all__ and isinstance(value, ModuleType)):  # an imported subpackage
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *__all__})


sys.modules[__name__].__class__ = _Package
