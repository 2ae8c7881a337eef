"""The style sheet: one flat control style in both themes."""

from __future__ import annotations

from collections.abc import Mapping
from string import Template

from PySide6.QtGui import QFont

from lmpt_desktop import paths

SMALL = 0.92
"""The size of secondary text, as a part of the body's."""
TITLE = 1.7

_SHEET = Template("""
QToolTip { color: $text; background: $raised; border: 1px solid $border; padding: 4px; }
QMainWindow::separator { background: $border; width: 1px; height: 1px; }
QStatusBar::item { border: none; }

/* ------------------------------------------------------------------------------- text */
QLabel[role="muted"] { color: $muted; font-size: $small; }
QLabel[role="small"] { font-size: $small; }
QLabel[role="title"] { font-size: $title; font-weight: 600; }
QLabel[role="heading"] { font-weight: 600; }

/* ---------------------------------------------------------------------------- buttons */
QPushButton { color: $text; background: $raised; border: 2px solid transparent;
              border-radius: 6px; padding: 4px 12px; }
QPushButton:hover { background: $pressed; }
QPushButton:pressed, QPushButton:checked { background: $selection; }
QPushButton:focus { border-color: $accent; }
QPushButton:disabled { color: $disabled; background: $raised; }
QPushButton:flat { background: transparent; }
QPushButton:flat:hover { background: $raised; }
QPushButton[role="primary"], QDialogButtonBox QPushButton:default {
    color: $on_accent; background: $accent; }
QPushButton[role="primary"] { font-weight: 600; }
QPushButton[role="primary"]:hover, QPushButton[role="primary"]:pressed,
QDialogButtonBox QPushButton:default:hover, QDialogButtonBox QPushButton:default:pressed {
    background: $accent_hover; }
QPushButton[role="primary"]:focus, QDialogButtonBox QPushButton:default:focus {
    border-color: $on_accent; }
QPushButton[role="primary"]:disabled, QDialogButtonBox QPushButton:default:disabled {
    color: $disabled; background: $raised; }
QPushButton::menu-indicator { image: url("$chevron_down"); width: 12px; height: 12px;
    subcontrol-origin: padding; subcontrol-position: center right; right: 6px; }
QDialogButtonBox { dialogbuttonbox-buttons-have-icons: 0; }

QToolButton { color: $text; background: transparent; border: 1px solid transparent;
              border-radius: 6px; padding: 3px 6px; }
QToolButton:hover, QToolButton:checked { background: $raised; }
QToolButton:pressed { background: $pressed; }
QToolButton:focus { border-color: $accent; }
QToolButton:disabled { color: $disabled; }
QToolButton::menu-indicator { image: none; }
QToolButton[popupMode="1"] { padding-right: 18px; }
QToolButton::menu-button { border: none; width: 16px; }
QToolButton::menu-arrow { image: url("$chevron_down"); width: 12px; height: 12px; }
QToolBar { border: none; border-bottom: 1px solid $border; padding: 3px 6px; spacing: 4px;
           background: $window; }
QToolBar::separator { background: $border; width: 1px; margin: 6px 4px; }
QToolBar QToolButton { padding: 4px 7px; }
/* One of several pages, of which one is shown: in a frame of the role "segments". */
QFrame[role="segments"] { background: $raised; border: none; border-radius: 8px; }
QToolButton[segment] { color: $muted; background: $raised; border-radius: 6px;
                       padding: 4px 14px; }
QToolButton[segment]:hover { color: $text; background: $pressed; }
QToolButton[segment]:checked { color: $text; background: $surface; border-color: $border; }
QToolButton[segment]:focus { border-color: $accent; }

/* ----------------------------------------------------------------------------- fields */
QLineEdit, QPlainTextEdit, QTextEdit, QAbstractSpinBox, QComboBox {
    color: $text; background: $surface; border: 1px solid $edge; border-radius: 6px;
    padding: 3px 6px; selection-background-color: $accent; selection-color: $on_accent; }
QPlainTextEdit, QTextEdit { padding: 2px 3px; }
QTextBrowser { border: none; background: transparent; }
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QAbstractSpinBox:focus,
QComboBox:focus, QComboBox:on { border-color: $accent; }
QLineEdit:disabled, QPlainTextEdit:disabled, QTextEdit:disabled, QAbstractSpinBox:disabled,
QComboBox:disabled { color: $disabled; background: $raised; border-color: $border; }
QComboBox { padding-right: 24px; }
QComboBox:hover { background: $raised; }
QComboBox::drop-down { border: none; width: 22px; subcontrol-origin: border;
                       subcontrol-position: center right; }
QComboBox::down-arrow { image: url("$chevron_down"); width: 12px; height: 12px; }
QComboBox QAbstractItemView { color: $text; background: $surface; border: 1px solid $border;
    padding: 3px; outline: none; }
QAbstractSpinBox { padding: 3px 20px 3px 2px; }
QAbstractSpinBox QLineEdit { border: none; background: transparent; padding: 0 4px; }
QDateEdit { padding: 3px 6px; }
QDateEdit::drop-down { border: none; background: transparent; width: 22px;
    subcontrol-origin: border; subcontrol-position: center right; }
QDateEdit::down-arrow { image: url("$chevron_down"); width: 12px; height: 12px; }
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button { border: none;
    background: transparent; width: 18px; subcontrol-origin: border; margin: 1px; }
QAbstractSpinBox::up-button { subcontrol-position: top right; border-top-right-radius: 5px; }
QAbstractSpinBox::down-button { subcontrol-position: bottom right;
    border-bottom-right-radius: 5px; }
QAbstractSpinBox::up-button:hover, QAbstractSpinBox::down-button:hover { background: $raised; }
QAbstractSpinBox::up-button:pressed, QAbstractSpinBox::down-button:pressed {
    background: $pressed; }
QAbstractSpinBox::up-arrow { image: url("$chevron_up"); width: 10px; height: 10px; }
QAbstractSpinBox::down-arrow { image: url("$chevron_down"); width: 10px; height: 10px; }

QCheckBox, QRadioButton { spacing: 7px; }
QCheckBox:disabled, QRadioButton:disabled { color: $disabled; }
QCheckBox::indicator, QAbstractItemView::indicator, QGroupBox::indicator {
    width: 14px; height: 14px; border: 1px solid $edge; border-radius: 4px;
    background: $surface; }
QCheckBox::indicator:hover, QCheckBox::indicator:focus { border-color: $accent; }
QCheckBox::indicator:checked, QAbstractItemView::indicator:checked,
QGroupBox::indicator:checked { background: $accent; border-color: $accent;
                               image: url("$check"); }
QAbstractItemView::indicator:indeterminate, QCheckBox::indicator:indeterminate {
    background: $accent; border-color: $accent; image: url("$dash"); }
QCheckBox::indicator:disabled { border-color: $border; background: $raised; }
QCheckBox:focus, QRadioButton:focus { color: $accent; }
QRadioButton::indicator { width: 10px; height: 10px; border: 2px solid $edge;
                          border-radius: 7px; background: $surface; }
QRadioButton::indicator:hover, QRadioButton::indicator:focus { border-color: $accent; }
QRadioButton::indicator:checked { width: 6px; height: 6px; border: 4px solid $accent;
                                  background: $on_accent; }
QRadioButton::indicator:disabled { border-color: $border; background: $raised; }

/* ------------------------------------------------------------------- sliders and bars */
QSlider:horizontal { min-height: 20px; }
QSlider::groove:horizontal { height: 4px; border-radius: 2px; background: $track; }
QSlider::sub-page:horizontal { border-radius: 2px; background: $accent; }
QSlider::handle:horizontal { width: 12px; height: 12px; margin: -6px 0; border-radius: 8px;
                             border: 2px solid $accent; background: $surface; }
QSlider::handle:horizontal:hover { background: $selection; }
QSlider::handle:horizontal:pressed, QSlider::handle:horizontal:focus { background: $accent; }
QSlider::sub-page:horizontal:disabled { background: $track; }
QSlider[role="balance"]::groove:horizontal, QSlider[role="balance"]::sub-page:horizontal {
    background: transparent; }
QSlider::handle:horizontal:disabled { border-color: $border; background: $raised; }
QProgressBar { color: $text; background: $track; border: none; border-radius: 4px;
               text-align: center; min-height: 8px; }
QProgressBar::chunk { background: $accent; border-radius: 4px; }
/* Under text the accent would be too dark. */
QProgressBar[textVisible="true"]::chunk { background: $selection; }
QProgressBar[textVisible="true"] { border: 1px solid $border; }
QScrollBar { background: transparent; border: none; margin: 0; }
QScrollBar:vertical { width: 12px; }
QScrollBar:horizontal { height: 12px; }
QScrollBar::handle { background: $edge; border-radius: 3px; margin: 3px; }
QScrollBar::handle:vertical { min-height: 30px; }
QScrollBar::handle:horizontal { min-width: 30px; }
QScrollBar::handle:hover, QScrollBar::handle:pressed { background: $muted; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; border: none; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QAbstractScrollArea::corner { background: transparent; border: none; }

/* -------------------------------------------------------------------------- item views */
QAbstractItemView { selection-background-color: $selection; selection-color: $text;
                    alternate-background-color: $window; }
QTreeView::item:selected, QListWidget::item:selected {
    background: $selection; color: $text; }
QTreeView::item:hover:!selected, QListWidget::item:hover:!selected { background: $raised; }
#backbones::item { padding: 4px 0; }
#keyboard QTreeView::item, #shortcuts QTreeView::item { padding: 2px 0; }
QTableView, QListWidget { border: 1px solid $border; border-radius: 6px; }
QTableView:focus, QListWidget:focus { border-color: $accent; }
QHeaderView { background: $surface; border: none; }
QHeaderView::section { color: $muted; background: $surface; border: none;
                       border-bottom: 1px solid $border; padding: 4px 8px; }
QHeaderView::section:hover { color: $text; background: $raised; }
QHeaderView::up-arrow { image: url("$chevron_up"); width: 12px; height: 12px; }
QHeaderView::down-arrow { image: url("$chevron_down"); width: 12px; height: 12px; }
QTableCornerButton::section { background: $surface; border: none; }

/* ------------------------------------------------------------------------------- menus */
/* QMenu has no rules: with one for separators, Qt draws no titles of sections; with one for the
   menu alone, lines in focus are not drawn. */
QMenuBar { background: $window; border: none; }
QMenuBar::item { padding: 4px 9px; border-radius: 5px; background: transparent; }
QMenuBar::item:selected { background: $raised; }
QMenuBar::item:pressed { background: $selection; }

/* ---------------------------------------------------------------------------- tabs, rest */
QTabWidget::pane { border: none; border-top: 1px solid $border; top: -1px; }
QTabBar::tab { padding: 6px 12px; color: $muted; border: 1px solid transparent;
               border-bottom: 2px solid transparent; }
QTabBar::tab:selected { color: $text; border-bottom-color: $accent; }
QTabBar::tab:hover:!selected { color: $text; background: $raised; }
QTabBar::tab:focus:selected { border: 1px solid $accent; border-bottom-width: 2px;
                              border-radius: 3px; }
QTabBar::tab:disabled { color: $disabled; }
QGroupBox { border: none; margin-top: 1.6em; padding-top: 2px; font-weight: 600; }
QGroupBox::title { subcontrol-origin: margin; subcontrol-position: top left; }
QSplitter::handle { background: $window; }
QSplitter::handle:horizontal { border-left: 1px solid $border; }
QSplitter::handle:vertical { border-top: 1px solid $border; }
QSplitter::handle:hover { background: $accent; }
""")


def style_sheet(theme: Mapping[str, object], font: QFont) -> str:
    """Rules for every kind of control, in the colours of ``theme``.

    ``theme`` holds the fields of a :class:`~lmpt_desktop.ui.kit.theme.Theme` by name.  Sizes
    follow ``font``, the system's: secondary text is a little smaller, nothing else is.
    """
    folder = paths.resources_dir() / "themes"
    tone = "dark" if theme["dark"] else "light"
    images = {
        name.replace("-", "_"): (folder / f"{name}-{tone}.svg").as_posix()
        for name in ("check", "dash", "chevron-down", "chevron-up")
    }
    sizes = {"small": _size(font, SMALL), "title": _size(font, TITLE)}
    return _SHEET.substitute(theme, **images, **sizes)


def _size(font: QFont, factor: float) -> str:
    if font.pointSizeF() > 0:
        return f"{font.pointSizeF() * factor:.2f}pt"
    return f"{round(font.pixelSize() * factor)}px"
