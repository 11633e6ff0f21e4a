"""Pictures of one frame are, pixel by pixel, what matplotlib draws; every text has a place."""

from __future__ import annotations

import cv2
import numpy as np
import pandas as pd
import pytest
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure

from gtzan_exp.evaluation.confusion import confusion_matrix, draw_confusion, matrix_axes
from gtzan_exp.report.canvas import style

CLASSES = ["a genre that nobody plays", "blues", "folk for $5 and for $10", "rock"]


def test_each_of_many_pictures_is_what_a_fresh_drawing_is(tmp_path):
    random = np.random.default_rng(0)
    drawn = []
    for size, said in [(40, "test accuracy 0.125"), (900, "test accuracy 0.875"), (5, "none")]:
        names = random.choice(CLASSES[1:], (2, size))
        table = pd.DataFrame({"true": names[0], "predicted": names[1]})
        title = f"notebook/features_logreg, data: gtzan\n{said} on {size} rows"
        drawn.append((table, title, tmp_path / f"{size}.png"))
        confusion_matrix(table, CLASSES, drawn[-1][2], title=title)
    for table, title, path in drawn:
        picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        np.testing.assert_array_equal(picture, whole(table, title))


def whole(table: pd.DataFrame, title: str) -> np.ndarray:
    """Draw all of a picture at once, with nothing kept from another."""
    with rc_context(style()):
        figure = Figure()
        canvas = FigureCanvasAgg(figure)
        axes, bar = matrix_axes(figure, CLASSES, title, fontsize=10, title_size=11)
        draw_confusion(axes, table, CLASSES, fontsize=9)
        axes.set_title(title, fontsize=11, y=1)
        figure.colorbar(ScalarMappable(cmap="Blues"), cax=bar, label="share of the true genre")
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[..., :3]


NAMES = {
    "few and short": ["a", "b"],
    "few and long": ["Traditional Bulgarian choir", "folk for $5 and for $10", "rock"],
    "many and long": [f"a genre with a long name {number}" for number in range(25)],
}


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_every_text_has_a_place(names):
    with rc_context(style()):
        figure = Figure()
        FigureCanvasAgg(figure)
        title = "a run with quite a long name, data: folder (SYNTHETIC)\nand a second line"
        axes, bar = matrix_axes(figure, names, title, fontsize=10, title_size=11)
        image = axes.imshow([[0] * len(names)] * len(names), vmin=0, vmax=1)
        axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
        axes.set_yticks(range(len(names)), names)
        axes.tick_params(length=0)
        axes.set(xlabel="predicted genre", ylabel="true genre")
        axes.set_title(title, fontsize=11, y=1)
        figure.colorbar(image, cax=bar, label="share of the true genre")
        figure.canvas.draw()
        labels = [axes.xaxis.label, axes.yaxis.label, bar.yaxis.label, axes._left_title]
        ticks = [*axes.get_xticklabels(), *axes.get_yticklabels(), *bar.get_yticklabels()]
        inside = figure.bbox.padded(1).extents
        labels, ticks = ([text.get_window_extent() for text in texts] for texts in (labels, ticks))
        for box in (*labels, *ticks):
            np.testing.assert_array_less(inside[:2], box.extents[:2])
            np.testing.assert_array_less(box.extents[2:], inside[2:])
        assert not any(tick.overlaps(label) for tick in ticks for label in labels)
        assert axes.bbox.width == pytest.approx(axes.bbox.height)
