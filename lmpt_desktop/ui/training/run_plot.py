"""Loss and validation mAP of a run as it progresses (imports pyqtgraph: import when needed)."""

from __future__ import annotations

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from lmpt_desktop.translation import N_, _, decimal
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.dialogs import muted
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.texts import band_name
from lmpt_desktop.ui.training.run_story import BAND_CURVES, RunStory
from trainer.bands import Band

_SYMBOLS = {"total": None, "head": "o", "medium": "s", "tail": "d"}
_SIGNS = {"total": "━", "head": "●", "medium": "■", "tail": "◆"}
_LOSS_STYLES = {
    "both": Qt.PenStyle.SolidLine,
    "classification": Qt.PenStyle.DashLine,
    "embedding": Qt.PenStyle.DotLine,
}
_LOSS_NAMES = {
    "both": N_("both"),
    "classification": N_("classification"),
    "embedding": N_("embedding"),
}
_LOSS_SIGNS = {"both": "━", "classification": "╌", "embedding": "┈"}


class RunPlot(QWidget):
    """Two small plots, each with a legend."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.loss = _plot(_("Training loss by step"))
        self.scores = _plot(_("Validation score by step, in percent"))
        self._loss_legend, self._score_legend = Label(), Label()
        self._loss_curves = {name: self.loss.plot([], []) for name in _LOSS_STYLES}
        self._score_curves = {name: self.scores.plot([], []) for name in BAND_CURVES}
        self._empty = {"loss": _empty(), "scores": _empty()}
        self._stacks = {"loss": QStackedWidget(), "scores": QStackedWidget()}
        # The loss starts again there; without a mark that looks like a failure.
        self._second = pg.InfiniteLine(angle=90, movable=False, label=_("second pass"))
        self._second.label.setPosition(0.92)
        self._second.hide()
        self.loss.getViewBox().addItem(self._second, ignoreBounds=True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(16)
        for name, title, plot, legend in (
            ("loss", _("Loss"), self.loss, self._loss_legend),
            ("scores", _("Validation score"), self.scores, self._score_legend),
        ):
            stack = self._stacks[name]
            stack.addWidget(plot)
            stack.addWidget(self._empty[name])
            # pyqtgraph asks for 480 pixels, for which the dialog would grow.
            stack.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
            column = QVBoxLayout()
            column.setSpacing(2)
            column.addWidget(muted(title))
            column.addWidget(stack, 1)
            legend.setTextFormat(Qt.TextFormat.RichText)
            legend.setWordWrap(True)
            column.addWidget(legend)
            row.addLayout(column, 1)
        self.setMinimumHeight(220)
        self._restyle()
        theme.manager().changed.connect(self._restyle)

    def show_story(self, story: RunStory, *, over: bool = False) -> None:
        """Draw the curves, or a text if there is none.  ``over``: the run has finished."""
        for name, points in (
            ("both", story.loss),
            ("classification", story.loss_classification),
            ("embedding", story.loss_embedding),
        ):
            self._loss_curves[name].setData(*_columns(points))
        for name, curve in self._score_curves.items():
            curve.setData(*_columns(story.validation[name]))
        nothing = _("Nothing measured yet")
        if over:
            nothing = _("Too few annotations to hold some out for measuring")
        self._show_empty("loss", "" if story.loss else _("Nothing measured yet"))
        self._show_empty("scores", "" if any(story.validation.values()) else nothing)
        self._second.setVisible(story.second_pass is not None)
        if story.second_pass is not None:
            self._second.setValue(story.second_pass)

    def _show_empty(self, plot: str, sentence: str) -> None:
        """Show a sentence in place of empty axes, which look like a failure; "" for curves."""
        self._empty[plot].setText(sentence)
        self._stacks[plot].setCurrentIndex(1 if sentence else 0)

    def sentence(self, plot: str) -> str:
        """What "loss" or "scores" shows in place of curves; "" where there are curves."""
        return self._empty[plot].text()

    def points(self, curve: str) -> int:
        """The number of points that a curve shows: a band, "total", or a loss such as "both"."""
        item = {**self._loss_curves, **self._score_curves}[curve]
        x, _y = item.getData()
        return 0 if x is None else len(x)

    def _restyle(self, *_: object) -> None:
        colours = theme.current()
        for plot in (self.loss, self.scores):
            plot.setBackground(colours.surface)
            for side in ("left", "bottom"):
                axis = plot.getAxis(side)
                axis.setPen(pg.mkPen(colours.border))
                axis.setTextPen(pg.mkPen(colours.muted))
        shades = {
            "both": colours.text,
            "classification": colours.medium,
            "embedding": colours.tail,
        }
        self._second.setPen(pg.mkPen(colours.muted, style=Qt.PenStyle.DotLine))
        self._second.label.setColor(colours.muted)
        for name, curve in self._loss_curves.items():
            curve.setPen(pg.mkPen(shades[name], width=2, style=_LOSS_STYLES[name]))
        bands = {"total": colours.text} | {
            band.value: getattr(colours, band.value) for band in Band
        }
        for name, curve in self._score_curves.items():
            curve.setPen(pg.mkPen(bands[name], width=3 if name == "total" else 1.5))
            curve.setSymbol(_SYMBOLS[name])
            curve.setSymbolSize(7)
            curve.setSymbolBrush(bands[name])
            curve.setSymbolPen(None)
        self._loss_legend.setText(_legend(_LOSS_SIGNS, shades))
        self._score_legend.setText(_legend(_SIGNS, bands))


def _empty() -> Label:
    label = muted("")
    label.setAlignment(Qt.AlignmentFlag.AlignCenter)
    return label


class DecimalAxis(pg.AxisItem):
    """Tick labels with the decimal separator of the user's language."""

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        point = decimal(0.5).strip("05")
        plain: list[str] = super().tickStrings(values, scale, spacing)
        return [text.replace(".", point) for text in plain]


def _plot(name: str) -> pg.PlotWidget:
    plot = pg.PlotWidget(axisItems={"left": DecimalAxis("left")})
    plot.setAccessibleName(name)
    plot.setMouseEnabled(False, False)
    plot.setMenuEnabled(False)
    plot.hideButtons()
    plot.showGrid(y=True, alpha=0.15)
    plot.getAxis("left").setWidth(42)
    return plot


def _columns(points: list[tuple[int, float]]) -> tuple[list[int], list[float]]:
    return [step for step, _value in points], [value for _step, value in points]


def _legend(signs: dict[str, str], shades: dict[str, str]) -> str:
    return "&nbsp;&nbsp; ".join(
        f'<span style="color:{shades[name]}">{sign}&nbsp;{_curve_name(name)}</span>'
        for name, sign in signs.items()
    )


def _curve_name(name: str) -> str:
    return _(_LOSS_NAMES[name]) if name in _LOSS_NAMES else band_name(name)
