"""The metadata of a logged model, sufficient to make its inputs from any audio."""

from dataclasses import dataclass
from typing import Any, Self

from gtzan_exp.audio.prepare import PrepareSettings
from gtzan_exp.basics.checks import as_node, object_of, only_from
from gtzan_exp.basics.errors import DataError, Mistake
from gtzan_exp.data.contracts import View
from gtzan_exp.data.provenance import settings_from_json

_OURS = ("gtzan_exp.data.", "gtzan_exp.embed.")


@dataclass(frozen=True)
class ModelCard:
    """The metadata of a logged model."""

    view: View  # the view of its inputs
    prepare: PrepareSettings  # how the view was made from audio
    classes: tuple[str, ...]  # the genres of the data
    data: str  # name of the data that it was trained on
    synthetic: bool  # whether that was the generated sample
    run_id: str  # the run that trained it

    def metadata(self) -> dict[str, Any]:
        return {
            "classes": list(self.classes),
            "view": self.view.name,
            "view_settings": as_node(self.view),
            "prepare": self.prepare.as_json(),
            "data": self.data,
            "synthetic": self.synthetic,
            "run_id": self.run_id,
        }

    @classmethod
    def read(cls, metadata: Any, where: str, *, trusted: tuple[str, ...] = ()) -> Self:
        """Return the card from `ModelCard.metadata` in the file `where`.

        Only views of the package, or those named in `trusted`, are instantiated, else `DataError`.
        """
        mistakes: list[Mistake] = []
        settings = dict(metadata["view_settings"])
        view = object_of(settings, where, mistakes, only_from(*_OURS, trusted=trusted))
        if mistakes:
            raise DataError(mistakes[0])
        return cls(
            view=view,
            prepare=settings_from_json(metadata["prepare"], where),
            classes=tuple(map(str, metadata["classes"])),
            data=str(metadata["data"]),
            synthetic=bool(metadata["synthetic"]),
            run_id=str(metadata["run_id"]),
        )
