from __future__ import annotations

from dataclasses import fields

import pytest
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QStyleHints
from PySide6.QtWidgets import QApplication

from lmpt_desktop.ui.kit import texts, theme
from trainer.bands import Band

TEXT = ("text", "muted", "head", "medium", "tail", "present", "absent", "warning", "error")


@pytest.mark.parametrize("colours", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["window", "surface", "raised"])
@pytest.mark.parametrize("name", TEXT)
def test_every_text_colour_is_readable_on_every_ground(
    colours: theme.Theme, ground: str, name: str
) -> None:
    assert theme.contrast(getattr(colours, name), getattr(colours, ground)) >= 4.5


@pytest.mark.parametrize("colours", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["text", "muted", "tail", "medium", "head"])
def test_text_stays_readable_on_a_selected_cell(colours: theme.Theme, name: str) -> None:
    assert theme.contrast(getattr(colours, name), colours.selection) >= 4.5
    assert theme.contrast(colours.on_accent, colours.accent) >= 4.5


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


def test_estimated_bands_are_marked_as_estimated() -> None:
    assert texts.band_name(Band.TAIL) == "tail"
    assert "estimated" in texts.band_name(Band.TAIL, estimated=True)


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


def test_every_colour_is_written_as_a_colour() -> None:
    for colours in (theme.LIGHT, theme.DARK):
        for item in fields(colours):
            if item.name != "dark":
                assert QColor(getattr(colours, item.name)).isValid()


def test_an_unknown_icon_is_empty_and_a_known_one_is_not(qapp: object) -> None:
    assert theme.icon("no such icon").isNull()
    assert not theme.icon("present").isNull()
