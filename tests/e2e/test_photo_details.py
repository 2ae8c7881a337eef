"""What photos say of themselves in the real window: panel, filter by camera, and timeline."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from lmpt_desktop.inference.filters import Dates
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.window.main_window import MainWindow

WAIT_MS = 30_000
Settled = Callable[[MainWindow], LibraryPage]
PACKET = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:subject><rdf:Bag><rdf:li>{word}</rdf:li>'
    "</rdf:Bag></dc:subject></rdf:Description></rdf:RDF></x:xmpmeta>"
)


def describe(path: Path, camera: str, taken: str) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = camera.split(maxsplit=1)[0], camera
    exif.get_ifd(0x8769).update({0x9003: taken, 0x9011: "+02:00", 0x8827: 400, 0x829D: 2.8})
    with Image.open(path) as image:
        image.save(path, quality=85, exif=exif)


@pytest.fixture
def page(launch: Callable[..., MainWindow], photos: Path, settled: Settled) -> LibraryPage:
    describe(photos / "dog_1.jpg", "Canon EOS 5D", "2023:06:01 12:00:00")
    describe(photos / "dog_2.jpg", "Canon EOS 5D", "2023:07:01 12:00:00")
    describe(photos / "person_4.jpg", "NIKON D70", "2021:01:01 12:00:00")
    (photos / "dog_1.xmp").write_text(PACKET.format(word="sea"))
    return settled(launch(photos))


def names(page: LibraryPage) -> list[str]:
    model = page.panel.model
    snapshot = page.session.snapshot()
    rows = snapshot.rows([model.image_id(place) for place in range(model.rowCount())])
    return sorted(snapshot.names[row] for row in rows.tolist())


def select(page: LibraryPage, qtbot: QtBot, *chosen: str) -> None:
    snapshot = page.session.snapshot()
    ids = [int(snapshot.image_ids[snapshot.names.index(name)]) for name in chosen]
    page.grid.select_ids(ids, ids[0])
    qtbot.waitUntil(lambda: sorted(page.inspector.image_ids) == sorted(ids), timeout=WAIT_MS)


def test_details_are_shown_copied_and_kept_up_to_date(
    page: LibraryPage, photos: Path, qtbot: QtBot
) -> None:
    commands = page._context.commands
    facts = page.inspector.facts
    select(page, qtbot, "dog_1.jpg")
    qtbot.waitUntil(lambda: not facts.exposure.isHidden(), timeout=WAIT_MS)
    assert facts.details.isHidden()
    QTest.keyClick(page.grid, Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier)
    assert facts.details.isVisible() and facts.expand.isChecked()
    found = dict(facts.details.rows)
    assert (found["Camera"], found["In the side file"]) == ("Canon EOS 5D", "sea")
    assert found["Taken"].endswith("12:00:00 UTC+02:00")
    commands.trigger("image.copy-details")
    clipboard = QGuiApplication.clipboard()
    qtbot.waitUntil(lambda: "Camera: Canon EOS 5D" in clipboard.text(), timeout=WAIT_MS)
    # Another program writes a keyword.
    (photos / "dog_1.xmp").write_text(PACKET.format(word="dune"))
    commands.trigger("file.rescan")
    qtbot.waitUntil(
        lambda: dict(facts.details.rows).get("In the side file") == "dune", timeout=WAIT_MS
    )
    select(page, qtbot, "dog_1.jpg", "person_4.jpg", "cup_5.jpg")
    qtbot.waitUntil(lambda: "Cameras" in dict(facts.details.rows), timeout=WAIT_MS)
    expected = "Canon EOS 5D (1), NIKON D70 (1), not said (1)"
    assert dict(facts.details.rows)["Cameras"] == expected
    facts.expand.click()
    assert facts.details.isHidden()


def test_photos_are_filtered_and_sorted_by_camera(page: LibraryPage, qtbot: QtBot) -> None:
    bar = page.panel.bar
    bar.open_popover()
    camera = bar.popover.camera
    qtbot.waitUntil(camera.isVisible, timeout=WAIT_MS)
    camera.setCurrentIndex(camera.findText("Canon EOS 5D  (2)"))
    qtbot.waitUntil(lambda: names(page) == ["dog_1.jpg", "dog_2.jpg"], timeout=WAIT_MS)
    page.panel.save_search("Canon")
    bar.clear()
    qtbot.waitUntil(lambda: len(names(page)) == 12, timeout=WAIT_MS)
    page.panel.apply_search(page.panel.kept.searches[0])
    qtbot.waitUntil(lambda: names(page) == ["dog_1.jpg", "dog_2.jpg"], timeout=WAIT_MS)


def test_the_timeline_shows_the_photos_of_a_time(page: LibraryPage, qtbot: QtBot) -> None:
    strip = page.panel.timeline
    assert strip.isHidden()
    page._context.commands.trigger("view.timeline")
    qtbot.waitUntil(lambda: bool(strip.timeline.periods), timeout=WAIT_MS)
    assert strip.hasFocus()
    place = next(
        at
        for at, period in enumerate(strip.timeline.periods)
        if period.first <= date(2023, 6, 1) <= period.last
    )
    QTest.mouseClick(strip, Qt.MouseButton.LeftButton, pos=strip.bar(place).center().toPoint())
    qtbot.waitUntil(lambda: names(page) == ["dog_1.jpg"], timeout=WAIT_MS)
    assert page.panel.bar.filter().dates == Dates(date(2023, 6, 1), date(2023, 6, 30))
    QTest.keyClick(strip, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClick(strip, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: names(page) == ["dog_1.jpg", "dog_2.jpg"], timeout=WAIT_MS)
    QTest.keyClick(strip, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: len(names(page)) == 12, timeout=WAIT_MS)
    QTest.keyClick(strip, Qt.Key.Key_Escape)
    assert page.grid.hasFocus()
