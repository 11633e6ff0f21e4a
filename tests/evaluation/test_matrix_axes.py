"""Nothing of a matrix's picture lies outside it or on top of something else."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from gtzan_exp.evaluation.matrix_axes import matrix_axes
from gtzan_exp.style import style

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
