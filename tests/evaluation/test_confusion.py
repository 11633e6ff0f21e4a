"""Pictures of one frame are, pixel by pixel, those that matplotlib draws as a whole."""

from __future__ import annotations

import cv2
import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure

from gtzan_exp.evaluation.confusion import confusion_matrix, draw_confusion
from gtzan_exp.evaluation.matrix_axes import matrix_axes
from gtzan_exp.style import style

CLASSES = ["a genre that nobody plays", "blues", "folk for $5 and for $10", "rock"]


def test_each_of_many_pictures_is_what_a_fresh_drawing_is(tmp_path):
    random = np.random.default_rng(0)
    drawn = []
    for size, said in [(40, "test accuracy 0.125"), (900, "test accuracy 0.875"), (5, "none")]:
        names = random.choice(CLASSES[1:], (2, size))
        table = pd.DataFrame({"true": names[0], "predicted": names[1]})
        title = f"seed/features_logreg, data: gtzan\n{said} on {size} rows"
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
