"""Where the configuration is and which files it has, found without heavy imports."""

from pathlib import Path

import gtzan_exp


def packaged(name: str) -> Path:
    """Return a folder inside an installed package, or beside the source."""
    package = Path(gtzan_exp.__file__).resolve().parent
    return package / name if (package / name).is_dir() else package.parent / name


def conf_folder() -> Path:
    return packaged("conf")


def choices(group: str) -> list[str]:
    """Return the sorted names of the files of a group, without its subfolders."""
    return sorted(path.stem for path in (conf_folder() / group).glob("*.yaml"))
