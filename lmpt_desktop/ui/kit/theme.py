"""Light and dark colours, the style sheet made of them, and the icons drawn in them.

Every colour stands in :data:`PAIRS` with the grounds it is used on and the contrast it needs
there, or in :data:`WITHOUT_CONTRAST` with a reason (``tests/unit/ui/kit/test_theme.py``).  Bands
differ in colour, shape and name; their colours are an orange, a blue and a grey, which differ in
every common colour blindness.
"""

from __future__ import annotations

import functools
from dataclasses import asdict, dataclass
from enum import StrEnum

from PySide6.QtCore import QByteArray, QObject, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QIconEngine, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

from lmpt_desktop import paths
from lmpt_desktop.ui.kit.style_sheet import style_sheet
from trainer.bands import Band


class ThemeChoice(StrEnum):
    """The choices under View > Theme."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True)
class Theme:
    """Every colour of the app, as ``#rrggbb``.

    Grounds: ``window`` of panels, ``surface`` of lists and text fields, ``raised`` of buttons and
    hovered rows, ``pressed`` of what is held down, ``selection`` of selected rows and cards,
    ``card_ground`` behind a thumbnail, ``photo_ground`` behind a photo looked at by itself (dark
    in both themes, as a light one makes photos look dull), ``chip`` of a class that the user says
    is present, ``track`` of a bar.

    Lines: ``border`` separates, ``edge`` frames a field.  ``accent`` is for what is in focus,
    chosen or the one thing to press.  ``muted`` is for secondary text, ``on_...`` for text and
    marks on that ground; ``bar`` fills score bars.
    """

    dark: bool
    window: str
    surface: str
    raised: str
    pressed: str
    selection: str
    card_ground: str  # noqa: V107
    photo_ground: str  # noqa: V107
    chip: str
    track: str  # noqa: V107
    border: str
    edge: str
    text: str
    muted: str
    disabled: str
    accent: str
    accent_hover: str  # noqa: V107
    on_accent: str
    on_chip: str  # noqa: V107
    on_photo: str  # noqa: V107
    focus_on_photo: str  # noqa: V107
    bar: str
    head: str
    medium: str
    tail: str
    present: str
    absent: str
    warning: str
    error: str

    def band(self, band: Band) -> QColor:
        """The colour of a band's mark."""
        return QColor({Band.HEAD: self.head, Band.MEDIUM: self.medium, Band.TAIL: self.tail}[band])

    def colour(self, name: str) -> QColor:
        """A colour by field name, e.g. ``theme.colour("muted")``."""
        return QColor(getattr(self, name))


LIGHT = Theme(
    dark=False,
    window="#f6f7f8",
    surface="#ffffff",
    raised="#eceef1",
    pressed="#dfe3e8",
    selection="#dbe7fd",
    card_ground="#e9ebee",
    photo_ground="#26282c",
    chip="#cbecd5",
    track="#dde0e5",
    border="#d9dde2",
    edge="#7f8792",
    text="#1f2328",
    muted="#565e69",
    disabled="#98a1ab",
    accent="#2059d0",
    accent_hover="#1a4cb5",
    on_accent="#ffffff",
    on_chip="#105c33",
    on_photo="#b9c0c8",
    focus_on_photo="#7db1ff",
    bar="#5f6c7c",
    head="#4b5563",
    medium="#0b5a9c",
    tail="#a84300",
    present="#14663a",
    absent="#9c1f63",
    warning="#7a5200",
    error="#b3261e",
)

DARK = Theme(
    dark=True,
    window="#26292e",
    surface="#1d2024",
    raised="#32363c",
    pressed="#3d4249",
    selection="#21406b",
    card_ground="#2c3035",
    photo_ground="#121316",
    chip="#1f3f2c",
    track="#43484f",
    border="#3a3f46",
    edge="#7d8792",
    text="#e8eaed",
    muted="#aab2bb",
    disabled="#69727d",
    accent="#7db1ff",
    accent_hover="#9cc4ff",
    on_accent="#0d1117",
    on_chip="#8be6ab",
    on_photo="#aab2bb",
    focus_on_photo="#7db1ff",
    bar="#9aa5b1",
    head="#b3bcc7",
    medium="#7cbdff",
    tail="#f5ab66",
    present="#6fdc9a",
    absent="#ff98ca",
    warning="#f2c14e",
    error="#ff9a91",
)

TEXT_CONTRAST = 4.5
"""What WCAG 2.2 AA asks for text (1.4.3)."""
MARK_CONTRAST = 3.0
"""... and for marks, edges of fields, focus rings and large text (1.4.3, 1.4.11)."""

_GROUNDS = ("window", "surface", "raised", "pressed", "selection")


@dataclass(frozen=True)
class Pair:
    """Colours in front of others that they are used on, and the contrast they need there."""

    front: tuple[str, ...]  # noqa: V107
    ground: tuple[str, ...]  # noqa: V107
    least: float


PAIRS = (  # noqa: V107
    Pair(("text", "muted"), (*_GROUNDS, "card_ground"), TEXT_CONTRAST),
    Pair(("head", "medium", "tail", "present", "absent"), _GROUNDS, TEXT_CONTRAST),
    Pair(("warning", "error", "accent"), _GROUNDS, TEXT_CONTRAST),
    Pair(("on_accent",), ("accent", "accent_hover"), TEXT_CONTRAST),
    Pair(("on_chip",), ("chip",), TEXT_CONTRAST),
    Pair(("on_photo",), ("photo_ground",), TEXT_CONTRAST),
    # The glyphs of verdicts that are drawn in a disc.
    Pair(("surface",), ("present", "absent"), TEXT_CONTRAST),
    Pair(("tail",), ("chip", "card_ground"), MARK_CONTRAST),
    Pair(("bar",), ("track", *_GROUNDS), MARK_CONTRAST),
    Pair(("edge",), ("window", "surface", "raised"), MARK_CONTRAST),
    Pair(("accent",), ("card_ground",), MARK_CONTRAST),
    Pair(("focus_on_photo",), ("photo_ground",), MARK_CONTRAST),
)
"""Every colour with the grounds it is used on."""

WITHOUT_CONTRAST = {  # noqa: V107
    "border": "only separates; nothing is known by it alone",
    "disabled": "what cannot be used is exempt",
}
"""Colours that need no contrast, and why."""

BAND_SHAPES: dict[Band, str] = {Band.HEAD: "●", Band.MEDIUM: "■", Band.TAIL: "◆"}
"""One character per band, for text; :func:`paint_band_mark` draws the same shapes."""


def contrast(first: str, second: str) -> float:
    """WCAG 2 contrast ratio of two colours, 1 to 21."""

    def luminance(name: str) -> float:
        colour = QColor(name)
        parts = [
            value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
            for value in (colour.redF(), colour.greenF(), colour.blueF())
        ]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


class ThemeManager(QObject):
    """Applies the chosen theme to the application, and announces changes."""

    changed = Signal(object)
    """The new :class:`Theme`; custom-painted widgets repaint, icon holders reload."""

    def __init__(self) -> None:
        super().__init__()
        self.choice = ThemeChoice.SYSTEM
        self.theme = LIGHT
        self._listening = False

    def apply(self, choice: ThemeChoice) -> None:
        """Switch the whole application to ``choice``."""
        application = QApplication.instance()
        if not isinstance(application, QApplication):
            return
        if not self._listening:
            application.setStyle("Fusion")
            application.styleHints().colorSchemeChanged.connect(self._system_changed)
            self._listening = True
        self.choice = choice
        if choice is ThemeChoice.SYSTEM:
            scheme = application.styleHints().colorScheme()
            self.theme = DARK if scheme is Qt.ColorScheme.Dark else LIGHT
        else:
            self.theme = DARK if choice is ThemeChoice.DARK else LIGHT
        application.setPalette(palette(self.theme))
        # PySide takes a text, and says that it takes bytes.
        application.setPalette(menu_palette(self.theme), "QMenu")  # pyright: ignore[reportArgumentType]
        sheet = style_sheet(asdict(self.theme), application.font())
        if application.styleSheet() != sheet:  # else Qt styles every widget again
            application.setStyleSheet(sheet)
        self.changed.emit(self.theme)

    def _system_changed(self) -> None:
        if self.choice is ThemeChoice.SYSTEM:
            self.apply(ThemeChoice.SYSTEM)


@functools.cache
def manager() -> ThemeManager:
    """The application's one theme manager."""
    return ThemeManager()


def current() -> Theme:
    """The current colours."""
    return manager().theme


def palette(theme: Theme) -> QPalette:
    """A Fusion palette of ``theme``'s colours."""
    result = QPalette()
    role = QPalette.ColorRole
    for where, name in (
        (role.Window, "window"),
        (role.WindowText, "text"),
        (role.Base, "surface"),
        (role.AlternateBase, "raised"),
        (role.Text, "text"),
        (role.Button, "raised"),
        (role.ButtonText, "text"),
        (role.BrightText, "error"),
        (role.ToolTipBase, "raised"),
        (role.ToolTipText, "text"),
        (role.PlaceholderText, "muted"),
        (role.Highlight, "accent"),
        (role.HighlightedText, "on_accent"),
        (role.Link, "accent"),
        (role.LinkVisited, "accent"),
        (role.Accent, "accent"),
        (role.Mid, "border"),
        (role.Midlight, "border"),
        (role.Dark, "border"),
    ):
        result.setColor(where, theme.colour(name))
    disabled = QPalette.ColorGroup.Disabled
    for where in (role.WindowText, role.Text, role.ButtonText):
        result.setColor(disabled, where, theme.colour("disabled"))
    result.setColor(disabled, role.Highlight, theme.colour("border"))
    return result


def menu_palette(theme: Theme) -> QPalette:
    """The palette of menus: the line in focus as the selected row of a list, so that icons can
    be seen on it."""
    result = palette(theme)
    result.setColor(QPalette.ColorRole.Highlight, theme.colour("selection"))
    result.setColor(QPalette.ColorRole.HighlightedText, theme.colour("text"))
    return result


def icon(name: str, colour: str = "text") -> QIcon:
    """The icon ``resources/icons/NAME.svg``, drawn in a theme colour.

    The files draw with ``currentColor``.  Reload after :attr:`ThemeManager.changed`.
    An unknown name gives an empty icon.
    """
    theme = current()
    return _drawn(name, getattr(theme, colour), theme.disabled)


@functools.cache
def _drawn(name: str, tint: str, disabled: str) -> QIcon:
    """The icon in one colour, and in another where it cannot be used.

    Kept, as the theme is applied anew when it is chosen again, or when the system changes its own.
    """
    path = paths.resources_dir() / "icons" / f"{name}.svg"
    if not path.is_file():
        return QIcon()
    return QIcon(DrawnIcon(path.read_text(encoding="utf-8"), tint, disabled))


class DrawnIcon(QIconEngine):
    """Draws an icon in the sizes and colours in which it is shown, when it is first shown: a window
    has some sixty icons, most of them in menus."""

    def __init__(self, source: str, tint: str, disabled: str) -> None:
        super().__init__()
        self._source = source
        self._colours = tint, disabled
        self._pictures: dict[tuple[int, str], QPixmap] = {}

    def clone(self) -> DrawnIcon:
        return DrawnIcon(self._source, *self._colours)

    def actualSize(self, size: QSize, _mode: QIcon.Mode, _state: QIcon.State) -> QSize:
        side = min(size.width(), size.height())
        return QSize(side, side)

    def pixmap(self, size: QSize, mode: QIcon.Mode, _state: QIcon.State) -> QPixmap:
        colour = self._colours[mode is QIcon.Mode.Disabled]
        side = min(size.width(), size.height())
        found = self._pictures.get((side, colour))
        if found is None:
            found = self._pictures[side, colour] = QPixmap(QSize(side, side))
            found.fill(Qt.GlobalColor.transparent)
            painter = QPainter(found)
            source = self._source.replace("currentColor", colour)
            QSvgRenderer(QByteArray(source.encode())).render(painter)
            painter.end()
        return found

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        size = rect.size() * painter.device().devicePixelRatio()
        painter.drawPixmap(rect, self.pixmap(size, mode, state))


def paint_band_mark(painter: QPainter, area: QRectF, band: Band, colour: QColor) -> None:
    """Draw the band's shape inside ``area``: head a disc, medium a square, tail a diamond."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    side = min(area.width(), area.height())
    centre = area.center()
    if band is Band.HEAD:
        painter.drawEllipse(centre, side * 0.4, side * 0.4)
    else:
        painter.translate(centre)
        if band is Band.TAIL:
            painter.rotate(45)
        painter.drawRect(QRectF(-side * 0.36, -side * 0.36, side * 0.72, side * 0.72))
    painter.restore()
