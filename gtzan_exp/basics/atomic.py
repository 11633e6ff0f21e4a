"""Files that another process reads: whole or as they were before, whenever the writer dies."""

from __future__ import annotations

from pathlib import Path


def write_text(path: Path, text: str, *, private: bool = False) -> None:
    """Write a file beside its place and rename it; folders are made when missing.

    Parameters
    ----------
    path : Path
    text : str
    private : bool
        Nobody else may read it, because it may hold a password.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600 if private else 0o666)
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)
