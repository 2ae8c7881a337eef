"""Light and dark colours, and the icons drawn in them.

Bands differ in colour, shape and name.  Their colours are an orange, a blue and a grey, which
differ in every common colour blindness, and have a contrast of at least 4.5:1 on the surfaces
they are used on (``tests/unit/ui/kit/test_theme.py``).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from enum import StrEnum

from PySide6.QtCore import QByteArray, QObject, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

from lmpt_desktop import paths
from trainer.bands import Band


class ThemeChoice(StrEnum):
    """The choices under View > Theme."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True)
class Theme:
    """Every colour of the app, as ``#rrggbb``.

    ``window`` is the background of panels, ``surface`` of lists and photos, ``raised`` of cards
    and hovered rows.  ``muted`` is for secondary text.  Text colours (``text``, ``muted``, the
    bands, ``present``, ``absent``, ``warning``, ``error``) have a contrast of 4.5:1 on all three.
    """

    dark: bool
    window: str
    surface: str
    raised: str
    border: str
    text: str
    muted: str
    disabled: str
    accent: str
    on_accent: str
    selection: str
    head: str
    medium: str
    tail: str
    present: str
    absent: str
    warning: str
    error: str

    def band(self, band: Band) -> QColor:
        """The colour of a band's mark, name and score bar."""
        return QColor({Band.HEAD: self.head, Band.MEDIUM: self.medium, Band.TAIL: self.tail}[band])

    def colour(self, name: str) -> QColor:
        """A colour by field name, e.g. ``theme.colour("muted")``."""
        return QColor(getattr(self, name))


LIGHT = Theme(
    dark=False,
    window="#f3f4f6",
    surface="#ffffff",
    raised="#e9ecf0",
    border="#cfd4da",
    text="#1b1f24",
    muted="#545d68",
    disabled="#98a1ab",
    accent="#0b5cad",
    on_accent="#ffffff",
    selection="#cfe3f8",
    head="#4b5563",
    medium="#0b5a9c",
    tail="#a13d00",
    present="#0b6b4f",
    absent="#9c1f63",
    warning="#7a5200",
    error="#b3261e",
)

DARK = Theme(
    dark=True,
    window="#1b1e23",
    surface="#14171b",
    raised="#282d34",
    border="#3b424b",
    text="#e6e9ed",
    muted="#a7b0bb",
    disabled="#69727d",
    accent="#6cb2ff",
    on_accent="#0d1117",
    selection="#1f3f63",
    head="#b3bcc7",
    medium="#74b9ff",
    tail="#ffad4d",
    present="#57d1a4",
    absent="#ff8ec4",
    warning="#f2c14e",
    error="#ff8a80",
)

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
        icon.cache_clear()
        application.setPalette(palette(self.theme))
        application.setStyleSheet(style_sheet(self.theme))
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


def style_sheet(theme: Theme) -> str:
    """Rules for what a palette cannot set, such as frames that are invisible in dark Fusion."""
    tick = (
        paths.resources_dir() / "themes" / f"check-{'dark' if theme.dark else 'light'}.svg"
    ).as_posix()
    return f"""
    QToolTip {{ color: {theme.text}; background: {theme.raised}; border: 1px solid {theme.border};
                padding: 4px; }}
    QMainWindow::separator {{ background: {theme.border}; width: 1px; height: 1px; }}
    QStatusBar::item {{ border: none; }}
    QToolBar {{ border: none; border-bottom: 1px solid {theme.border}; padding: 3px 6px;
                spacing: 4px; background: {theme.window}; }}
    QToolBar QToolButton {{ padding: 4px 7px; border: none; border-radius: 4px; }}
    QToolBar QToolButton:hover, QToolBar QToolButton:checked {{ background: {theme.raised}; }}
    QToolBar QToolButton:disabled {{ color: {theme.disabled}; }}
    QTreeView::item:selected, QListWidget::item:selected {{
        background: {theme.selection}; color: {theme.text}; }}
    QTreeView::item:hover:!selected, QListWidget::item:hover:!selected {{
        background: {theme.raised}; }}
    #backbones::item {{ padding: 4px 0; }}
    #keyboard QTreeView::item, #shortcuts QTreeView::item {{ padding: 2px 0; }}
    QLineEdit {{ border: 1px solid {theme.border}; border-radius: 4px; padding: 3px 5px;
                 background: {theme.surface}; selection-background-color: {theme.accent};
                 selection-color: {theme.on_accent}; }}
    QLineEdit:focus {{ border-color: {theme.accent}; }}
    QPlainTextEdit {{ border: 1px solid {theme.border}; border-radius: 4px;
                      background: {theme.surface}; }}
    QPlainTextEdit:focus {{ border-color: {theme.accent}; }}
    QTabWidget::pane {{ border: none; border-top: 1px solid {theme.border}; top: -1px; }}
    QTabBar::tab {{ padding: 6px 12px; color: {theme.muted}; border: 1px solid transparent;
                    border-bottom: 2px solid transparent; }}
    QTabBar::tab:selected {{ color: {theme.text}; border-bottom-color: {theme.accent}; }}
    QTabBar::tab:hover:!selected {{ color: {theme.text}; background: {theme.raised}; }}
    QTabBar::tab:focus:selected {{ border: 1px solid {theme.accent};
                                   border-bottom-width: 2px; border-radius: 3px; }}
    QCheckBox::indicator {{ width: 14px; height: 14px; border: 1px solid {theme.muted};
                            border-radius: 3px; background: {theme.surface}; }}
    QCheckBox::indicator:hover, QCheckBox::indicator:focus {{ border-color: {theme.accent}; }}
    QCheckBox::indicator:checked {{ background: {theme.accent}; border-color: {theme.accent};
                                    image: url("{tick}"); }}
    QCheckBox::indicator:disabled {{ border-color: {theme.border}; background: {theme.raised}; }}
    QCheckBox:focus, QRadioButton:focus {{ color: {theme.accent}; }}
    QRadioButton::indicator {{ width: 10px; height: 10px; border: 2px solid {theme.muted};
                               border-radius: 7px; background: {theme.surface}; }}
    QRadioButton::indicator:hover, QRadioButton::indicator:focus {{ border-color: {theme.accent}; }}
    QRadioButton::indicator:checked {{ width: 6px; height: 6px; border: 4px solid {theme.accent};
                                       background: {theme.on_accent}; }}
    QDialogButtonBox {{ dialogbuttonbox-buttons-have-icons: 0; }}
    QSplitter::handle {{ background: {theme.border}; }}
    QSplitter::handle:hover {{ background: {theme.accent}; }}
    QLabel[role="muted"] {{ color: {theme.muted}; }}
    QLabel[role="title"] {{ font-size: 20pt; font-weight: 600; }}
    QLabel[role="heading"] {{ font-weight: 600; }}
    """


@functools.cache
def icon(name: str, colour: str = "text") -> QIcon:
    """The icon ``resources/icons/NAME.svg``, drawn in a theme colour.

    The files draw with ``currentColor``.  Reload after :attr:`ThemeManager.changed`.
    An unknown name gives an empty icon.
    """
    path = paths.resources_dir() / "icons" / f"{name}.svg"
    if not path.is_file():
        return QIcon()
    source = path.read_text(encoding="utf-8")
    result = QIcon()
    theme = current()
    for mode, tint in (
        (QIcon.Mode.Normal, getattr(theme, colour)),
        (QIcon.Mode.Selected, getattr(theme, colour)),
        (QIcon.Mode.Disabled, theme.disabled),
    ):
        renderer = QSvgRenderer(QByteArray(source.replace("currentColor", tint).encode()))
        # The larger sizes are for screens at 150 % and more.
        for size in (16, 20, 24, 32, 48, 64, 96):
            pixmap = QPixmap(QSize(size, size))
            pixmap.fill(Qt.GlobalColor.transparent)
            painter = QPainter(pixmap)
            renderer.render(painter)
            painter.end()
            result.addPixmap(pixmap, mode)
    return result


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
