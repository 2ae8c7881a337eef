from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QIcon, QImage, QPainter, QStyleHints
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QLineEdit,
    QMenu,
    QProgressBar,
    QPushButton,
    QSlider,
    QSpinBox,
    QToolButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from lmpt_desktop.ui.kit import texts, theme
from lmpt_desktop.ui.kit.style_sheet import style_sheet
from trainer.bands import Band

THEMES = pytest.mark.parametrize("colours", [theme.LIGHT, theme.DARK], ids=["light", "dark"])


@THEMES
@pytest.mark.parametrize(
    ("front", "ground", "least"),
    [
        (front, ground, pair.least)
        for pair in theme.PAIRS
        for front in pair.front
        for ground in pair.ground
    ],
)
def test_every_pair_of_colours_has_the_contrast_it_needs(
    colours: theme.Theme, front: str, ground: str, least: float
) -> None:
    assert least in (4.5, 3.0), "what WCAG 2.2 AA asks for"
    assert theme.contrast(getattr(colours, front), getattr(colours, ground)) >= least


def test_every_colour_stands_in_a_pair_or_says_why_not() -> None:
    names = {item.name for item in fields(theme.Theme)} - {"dark"}
    paired = {name for pair in theme.PAIRS for name in (*pair.front, *pair.ground)}
    assert paired | set(theme.WITHOUT_CONTRAST) == names
    assert not paired & set(theme.WITHOUT_CONTRAST)
    assert all(theme.WITHOUT_CONTRAST.values())


def test_all_words_are_paired_as_text() -> None:
    """Not only as marks, for which less is asked."""
    as_text = {name for pair in theme.PAIRS if pair.least == 4.5 for name in pair.front}
    named = {name for name in vars(theme.LIGHT) if name.startswith("on_")}
    assert named | {"text", "muted", "present", "absent", "warning", "error", "accent"} <= as_text


@THEMES
def test_photos_are_looked_at_on_a_dark_neutral(colours: theme.Theme) -> None:
    ground = QColor(colours.photo_ground)
    assert ground.valueF() < 0.2
    assert ground.hsvSaturationF() < 0.2


@THEMES
def test_the_style_sheet_has_no_colour_of_its_own(colours: theme.Theme) -> None:
    sheet = style_sheet(asdict(colours), QFont("Sans", 10))
    known = {getattr(colours, item.name) for item in fields(colours) if item.name != "dark"}
    assert set(re.findall(r"#[0-9a-f]{6}\b", sheet)) <= known
    for path in re.findall(r'url\("(.+?)"\)', sheet):
        assert Path(path).is_file()


def test_sizes_follow_the_font_of_the_system() -> None:
    sizes = {}
    for points in (9, 18):
        sheet = style_sheet(asdict(theme.LIGHT), QFont("Sans", points))
        sizes[points] = [float(size) for size in re.findall(r"font-size: ([0-9.]+)pt", sheet)]
    assert sizes[18] == pytest.approx([2 * size for size in sizes[9]], abs=0.02)
    in_pixels = QFont("Sans")
    in_pixels.setPixelSize(20)
    assert "font-size: 18px" in style_sheet(asdict(theme.LIGHT), in_pixels)


@pytest.mark.parametrize(
    "make",
    [QPushButton, QToolButton, QComboBox, QSpinBox, QSlider, QProgressBar, QCheckBox, QLineEdit],
)
def test_no_control_has_a_gradient(qtbot: QtBot, make: Callable[[], QWidget]) -> None:
    manager = theme.manager()
    try:
        for choice in (theme.ThemeChoice.LIGHT, theme.ThemeChoice.DARK):
            manager.apply(choice)
            control = make()
            qtbot.addWidget(control)
            control.resize(120, 28)
            image = control.grab().toImage()
            # At a place that is only ground in each of them.
            column = [image.pixelColor(30, y).name() for y in range(4, 8)]
            assert len(set(column)) == 1
    finally:
        manager.apply(theme.ThemeChoice.LIGHT)


def test_contrast_of_black_on_white_is_21_and_of_a_colour_on_itself_1() -> None:
    assert theme.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert theme.contrast("#5a7d9a", "#5a7d9a") == pytest.approx(1)


def deuteranope(colour: str) -> tuple[float, float, float]:
    """Machado et al. 2009, severity 1, on linear RGB."""
    matrix = ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413),
              (-0.011820, 0.042940, 0.968881))  # fmt: skip
    value = QColor(colour)
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (value.redF(), value.greenF(), value.blueF())
    ]
    red, green, blue = (sum(a * b for a, b in zip(row, linear, strict=True)) for row in matrix)
    return red, green, blue


@pytest.mark.parametrize("colours", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
def test_bands_stay_apart_for_red_green_blind_eyes(colours: theme.Theme) -> None:
    seen = [deuteranope(getattr(colours, band.value)) for band in Band]
    for index, first in enumerate(seen):
        for second in seen[index + 1 :]:
            # Blueness against yellowness is what such eyes keep.
            opponent = [blue - (red + green) / 2 for red, green, blue in (first, second)]
            assert abs(opponent[0] - opponent[1]) > 0.05


def test_band_marks_differ_in_shape_not_only_in_colour(qapp: object) -> None:
    drawn = []
    for band in Band:
        image = QImage(QSize(24, 24), QImage.Format.Format_ARGB32)
        image.fill(0)
        painter = QPainter(image)
        theme.paint_band_mark(painter, QRectF(0, 0, 24, 24), band, QColor("black"))
        painter.end()
        drawn.append(bytes(image.constBits()))
    assert len(set(drawn)) == len(drawn)
    assert len(set(theme.BAND_SHAPES.values())) == len(Band)


def test_bands_have_words_of_the_window_and_terms_of_the_papers() -> None:
    assert [texts.band_name(band) for band in Band] == ["common", "fairly common", "rare"]
    assert texts.band_name("total") == "total"
    assert texts.band_term(Band.TAIL) == "rare (tail)"


def test_a_theme_is_applied_and_announced(qapp: object) -> None:
    heard: list[theme.Theme] = []
    manager = theme.manager()
    manager.changed.connect(heard.append)
    try:
        manager.apply(theme.ThemeChoice.DARK)
        assert theme.current() is theme.DARK
        manager.apply(theme.ThemeChoice.LIGHT)
        assert theme.current() is theme.LIGHT
        assert heard == [theme.DARK, theme.LIGHT]
    finally:
        manager.changed.disconnect(heard.append)


def test_the_system_theme_is_followed_while_the_app_runs(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = theme.manager()
    manager.apply(theme.ThemeChoice.SYSTEM)
    for scheme, expected in (
        (Qt.ColorScheme.Dark, theme.DARK),
        (Qt.ColorScheme.Light, theme.LIGHT),
    ):
        monkeypatch.setattr(QStyleHints, "colorScheme", lambda _self, now=scheme: now)
        qapp.styleHints().colorSchemeChanged.emit(scheme)
        assert manager.theme == expected
        assert qapp.palette().window().color().name() == expected.window
    manager.apply(theme.ThemeChoice.LIGHT)
    monkeypatch.setattr(QStyleHints, "colorScheme", lambda _self: Qt.ColorScheme.Dark)
    qapp.styleHints().colorSchemeChanged.emit(Qt.ColorScheme.Dark)
    assert manager.theme == theme.LIGHT, "who chose light keeps it"


def test_icons_are_sharp_on_a_screen_of_twice_the_density(qapp: QApplication) -> None:
    for size in (16, 20, 24, 32, 48):
        pixmap = theme.icon("info").pixmap(QSize(size, size), 2.0)
        assert pixmap.width() == 2 * size


def test_each_icon_is_drawn_once_for_each_theme(qapp: QApplication) -> None:
    manager = theme.manager()
    drawn = {}
    for choice in (theme.ThemeChoice.LIGHT, theme.ThemeChoice.DARK) * 2:
        manager.apply(choice)
        shown = theme.icon("info")
        assert drawn.setdefault(choice, shown).cacheKey() == shown.cacheKey()
        for mode, colour in (
            (QIcon.Mode.Normal, manager.theme.text),
            (QIcon.Mode.Selected, manager.theme.text),
            (QIcon.Mode.Disabled, manager.theme.disabled),
        ):
            picture = shown.pixmap(QSize(32, 32), mode).toImage()
            inked = [picture.pixelColor(x, y) for x in range(32) for y in range(32)]
            assert QColor(colour) in [pixel for pixel in inked if pixel.alpha() == 255]
    manager.apply(theme.ThemeChoice.LIGHT)


def test_only_another_theme_styles_the_widgets_anew(qapp: QApplication, qtbot: QtBot) -> None:
    changes: list[QEvent.Type] = []

    class Watched(QWidget):
        def changeEvent(self, event: QEvent) -> None:
            changes.append(event.type())

    theme.manager().apply(theme.ThemeChoice.LIGHT)
    watched = Watched()
    qtbot.addWidget(watched)
    watched.ensurePolished()
    changes.clear()
    theme.manager().apply(theme.ThemeChoice.LIGHT)
    assert QEvent.Type.StyleChange not in changes
    theme.manager().apply(theme.ThemeChoice.DARK)
    assert QEvent.Type.StyleChange in changes
    theme.manager().apply(theme.ThemeChoice.LIGHT)


def test_every_colour_is_written_as_a_colour() -> None:
    for colours in (theme.LIGHT, theme.DARK):
        for item in fields(colours):
            if item.name != "dark":
                assert QColor(getattr(colours, item.name)).isValid()


def test_an_unknown_icon_is_empty_and_a_known_one_is_not(qapp: object) -> None:
    assert theme.icon("no such icon").isNull()
    assert not theme.icon("present").isNull()


def test_titles_of_sections_of_menus_are_painted(qtbot: QtBot) -> None:
    """Qt leaves them out as soon as a style sheet has a rule for separators of menus."""
    theme.manager().apply(theme.ThemeChoice.LIGHT)
    pictures = []
    for title in ("heron", "eagle"):
        menu = QMenu()
        qtbot.addWidget(menu)
        menu.addSection(title)
        menu.addAction("a long name of an action")
        menu.resize(300, 120)
        pictures.append(menu.grab().toImage())
    assert pictures[0] != pictures[1]
