"""What is saved is what is shown."""

from __future__ import annotations

import csv
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtSvg import QSvgRenderer
from pytestqt.qtbot import QtBot

from lmpt_desktop.ui.long_tail import export
from lmpt_desktop.ui.long_tail.commands import with_ending
from lmpt_desktop.ui.long_tail.page import LongTailPage

WAIT_MS = 10_000


def saved(page: LongTailPage, path: Path, qtbot: QtBot) -> Path:
    with qtbot.waitSignal(page.message, timeout=WAIT_MS):
        page.export_to(path)
    return path


def test_a_picture_is_twice_as_fine_as_the_screen_and_not_blank(
    page: LongTailPage, tmp_path: Path, qtbot: QtBot
) -> None:
    image = Image.open(saved(page, tmp_path / "tail.png", qtbot))
    assert image.width == 2 * (page.classes.chart.width() + 2 * export.MARGIN)
    colours = image.convert("RGB").getcolors(1 << 24)
    assert colours is not None and len(colours) > 50


def test_a_drawing_is_made_of_shapes_and_names_its_classes(
    page: LongTailPage, tmp_path: Path, qtbot: QtBot
) -> None:
    root = ElementTree.parse(saved(page, tmp_path / "tail.svg", qtbot)).getroot()
    texts = " ".join(text for item in root.iter() for text in item.itertext())
    assert "traffic light" in texts and "Long tail" in texts
    assert len(list(root.iter("{http://www.w3.org/2000/svg}rect"))) > 6


def test_a_drawing_has_everything_where_the_picture_has_it(
    page: LongTailPage, tmp_path: Path, qtbot: QtBot
) -> None:
    picture = QImage(str(saved(page, tmp_path / "tail.png", qtbot)))
    drawn = QImage(picture.size(), QImage.Format.Format_ARGB32_Premultiplied)
    drawn.fill(Qt.GlobalColor.white)
    painter = QPainter(drawn)
    QSvgRenderer(str(saved(page, tmp_path / "tail.svg", qtbot))).render(painter)
    painter.end()
    first, second = (
        np.asarray(Image.open(BytesIO(export.png(image))).convert("L"), np.float64)
        for image in (picture, drawn)
    )
    # Letters are drawn a little otherwise; what is somewhere else differs by its whole colour.
    apart = np.abs(first - second) > 90
    assert apart.mean() < 0.002


def test_a_table_holds_the_listed_classes_in_their_order(
    page: LongTailPage, tmp_path: Path, qtbot: QtBot
) -> None:
    with saved(page, tmp_path / "tail.csv", qtbot).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["class"], row["present"]) for row in rows] == [
        ("dog", "9"), ("person", "5"), ("traffic light", "4"), ("cup", "3"), ("kite", "1"),
        ("hair drier", "0"),
    ]  # fmt: skip


def test_the_second_tab_saves_the_classes_found_together(
    page: LongTailPage, tmp_path: Path, qtbot: QtBot
) -> None:
    page.tabs.setCurrentIndex(1)
    qtbot.waitUntil(lambda: page.co_occurrence.found is not None, timeout=WAIT_MS)
    lines = saved(page, tmp_path / "pairs.csv", qtbot).read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("class,dog,person") and lines[2].startswith("person,5,5")
    assert Image.open(saved(page, tmp_path / "pairs.png", qtbot)).width > 300


@pytest.mark.parametrize("ending", ["png", "svg", "csv"])
def test_a_folder_that_cannot_be_written_is_reported_and_no_file_is_left(
    page: LongTailPage, tmp_path: Path, qtbot: QtBot, ending: str
) -> None:
    target = tmp_path / "nowhere" / f"tail.{ending}"
    with qtbot.waitSignal(page.failed, timeout=WAIT_MS) as failure:
        page.export_to(target)
    assert isinstance(failure.args[0], OSError)  # pyright: ignore[reportOptionalSubscript]
    assert not target.exists()


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("a", "Picture (*.png)", "a.png"),
        ("a", "Drawing (*.svg)", "a.svg"),
        ("a.b", "Table (*.csv)", "a.b.csv"),
        ("a.CSV", "Picture (*.png)", "a.CSV"),
    ],
)
def test_the_ending_follows_the_kind_unless_typed(name: str, kind: str, expected: str) -> None:
    assert with_ending(Path(name), kind) == Path(expected)
