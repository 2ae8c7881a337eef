"""What photos say of themselves, in the inspector."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QTextCursor
from PySide6.QtTest import QTest

from lmpt_desktop.domain.photo_details import PhotoDetails, Place
from lmpt_desktop.domain.records import ImageState
from lmpt_desktop.engine.common_details import CommonDetails
from lmpt_desktop.engine.images import ImageDetails
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.ui.inspector.detail_texts import (
    DetailRow,
    as_lines,
    common_rows,
    detail_rows,
    exposure_line,
    exposure_text,
)
from lmpt_desktop.ui.inspector.details_view import MOST_HEIGHT, DetailsView
from lmpt_desktop.ui.inspector.panel import InspectorPanel

PHOTO = PhotoDetails(
    camera="Canon EOS 5D",
    lens="EF 35mm",
    exposure=0.004,
    aperture=2.8,
    iso=1600,
    focal_length=35.0,
    focal_length_35=56.0,
    subseconds="125",
    place=Place(-33.5, 13.4, -34.5),
    keywords=("sea", "dune"),
    side_keywords=("sand",),
    copyright="Ansel",
)
DETAILS = ImageDetails(
    1,
    Path("/photos/a.jpg"),
    ImageState.OK,
    "",
    "",
    taken=datetime(2023, 10, 6, 14, 4, 20, tzinfo=timezone(timedelta(hours=-3, minutes=-30))),
    size=2_500_000,
    pixels=(4000, 3000),
    modified=datetime(2024, 1, 1, tzinfo=UTC),
    photo=PHOTO,
)


def rows(details: ImageDetails) -> dict[str, str]:
    return dict(detail_rows(details))


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        *((1 / 250, "1/250 s"), (0.0166, "1/60 s"), (1 / 8000, "1/8,000 s"), (0.25, "1/4 s")),
        *((0.3, "0.3 s"), (0.5, "0.5 s"), (1.3, "1.3 s"), (30.0, "30 s"), (0.29, "0.29 s")),
    ],
)
def test_exposures_are_written_as_on_a_camera(seconds: float, expected: str) -> None:
    assert exposure_text(seconds) == expected


def test_an_exposure_is_one_line() -> None:
    assert exposure_line(PHOTO) == "1/250 s  ·  f/2.8  ·  ISO 1600  ·  35 mm"
    assert exposure_line(PhotoDetails(aperture=8.0)) == "f/8"
    assert exposure_line(PhotoDetails()) == exposure_line(None) == ""


def test_a_photo_has_a_row_for_what_it_says() -> None:
    found = rows(DETAILS)
    assert found["Camera"] == "Canon EOS 5D"
    assert found["Exposure"].endswith("35 mm · 56 mm on 35 mm film")
    assert found["Taken"].endswith("14:04:20.125 UTC-03:30")
    assert found["Size"] == "4,000 × 3,000 · 12.0 megapixels · 2.5 MB"
    assert found["Place"] == "-33.500000, 13.400000 · -34 m above the sea"
    assert (found["Keywords"], found["In the side file"]) == ("sea, dune", "sand")
    assert found["File"] == "/photos/a.jpg"
    assert "Title" not in found


def test_what_was_not_read_yet_is_said() -> None:
    assert rows(replace(DETAILS, photo=None))["Camera"] == "Not read yet"
    assert "Camera" not in rows(replace(DETAILS, photo=PhotoDetails()))


def test_names_move_nothing_around_them() -> None:
    found = rows(replace(DETAILS, photo=replace(PHOTO, lens="a\u202eb\nc")))
    assert "\u202e" not in found["Lens"] and "\n" not in found["Lens"]


def test_several_photos_show_what_they_share() -> None:
    found = dict(
        common_rows(
            CommonDetails(
                images=3,
                size=9_000_000,
                first=date(2023, 1, 1),
                last=date(2024, 1, 1),
                undated=1,
                cameras=(("Canon EOS 5D", 2), ("", 1)),
                read=2,
                lenses=(("EF 35mm", 3),),
                keywords=tuple((f"k{n}", 1) for n in range(20)),
                creators=(),
                rights=(),
            )
        )
    )
    assert found["Cameras"] == "Canon EOS 5D (2), not said (1)"
    assert found["Lenses"] == "EF 35mm"
    assert "without a date" in found["Taken"] and " to " in found["Taken"]
    assert found["Keywords"].endswith("k11 (1), 8 more")
    assert found["Note"] == "Lenses, keywords and rights are those of the first 2 photos."
    assert "Creator" not in found


# --------------------------------------------------------------------------------- widgets


@pytest.fixture
def view(qtbot: Any) -> DetailsView:
    view = DetailsView()
    qtbot.addWidget(view)
    view.resize(300, 200)
    view.show()
    return view


def test_the_list_is_plain_text(view: DetailsView) -> None:
    hostile = replace(PHOTO, lens="<b>bold</b><img src='x'>")
    view.show_rows(detail_rows(replace(DETAILS, photo=hostile)))
    assert "<b>bold</b><img src='x'>" in view.toPlainText()


def test_the_list_is_selected_and_copied_by_keyboard(view: DetailsView) -> None:
    view.show_rows(detail_rows(DETAILS))
    view.setFocus()
    QTest.keyClick(view, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    copied = QGuiApplication.clipboard().text()
    assert "Canon EOS 5D" in copied and "-33.500000, 13.400000" in copied


def test_a_selection_stays_while_the_rows_are_the_same(view: DetailsView) -> None:
    view.show_rows(detail_rows(DETAILS))
    cursor = view.textCursor()
    cursor.select(QTextCursor.SelectionType.Document)
    view.setTextCursor(cursor)
    view.show_rows(detail_rows(DETAILS))
    assert view.textCursor().hasSelection()
    view.show_rows(detail_rows(replace(DETAILS, photo=None)))
    assert not view.textCursor().hasSelection()


def test_numbers_stay_with_their_units_on_a_line_and_are_copied_with_spaces(
    view: DetailsView,
) -> None:
    view.show_rows((DetailRow("Size", "4,000 × 3,000 · 12.0 megapixels · 2.5 MB · ISO 400"),))
    text = view.document().firstBlock().next().next().text()
    assert text.split(" ") == [
        "4,000",
        "×",
        "3,000\u00a0·",
        "12.0\u00a0megapixels\u00a0·",
        "2.5\u00a0MB\u00a0·",
        "ISO\u00a0400",
    ]
    assert "\u00a0" not in view.toPlainText()


def test_a_long_list_scrolls(view: DetailsView) -> None:
    view.show_rows(detail_rows(replace(DETAILS, photo=replace(PHOTO, keywords=("k" * 100,) * 100))))
    assert view.sizeHint().height() == MOST_HEIGHT


@pytest.fixture
def panel(session: LibrarySession, qtbot: Any) -> InspectorPanel:
    catalogue = session.catalogue
    catalogue.photo_details.put({1: PHOTO, 2: replace(PHOTO, camera="X1", keywords=("sea",))})
    session.folders._images.reload()
    panel = InspectorPanel(session)
    qtbot.addWidget(panel)
    panel.resize(340, 900)
    panel.show()
    return panel


def test_the_panel_shows_details_when_they_are_wanted(panel: InspectorPanel, qtbot: Any) -> None:
    panel.show_images([1])
    qtbot.waitUntil(lambda: not panel.facts.exposure.isHidden())
    assert panel.facts.details.isHidden()
    wanted: list[bool] = []
    panel.details_requested.connect(wanted.append)
    panel.facts.expand.click()
    assert wanted == [True]
    panel.expand_details(True)
    assert panel.facts.details.isVisible()
    assert panel.facts.exposure.isHidden()  # the list says it
    assert dict(panel.facts.details.rows)["Camera"] == "Canon EOS 5D"
    panel.show_images([2])
    qtbot.waitUntil(lambda: dict(panel.facts.details.rows).get("Camera") == "X1")
    panel.expand_details(False)
    assert panel.facts.details.isHidden()
    assert panel.facts.exposure.isVisible()


def test_the_panel_shows_what_several_photos_share(panel: InspectorPanel, qtbot: Any) -> None:
    panel.expand_details(True)
    panel.show_images([1, 2])
    qtbot.waitUntil(lambda: "Cameras" in dict(panel.facts.details.rows))
    found = dict(panel.facts.details.rows)
    assert found["Cameras"] == "Canon EOS 5D (1), X1 (1)"
    assert found["Keywords"].startswith("sand, sea")
    # A verdict reads nothing again, and takes nothing away.
    panel.refresh()
    assert dict(panel.facts.details.rows) == found
    panel.show_images([1])
    assert "Cameras" not in dict(panel.facts.details.rows)
    qtbot.waitUntil(lambda: "Camera" in dict(panel.facts.details.rows))


def test_lines_are_copied_in_order() -> None:
    lines = as_lines(detail_rows(DETAILS)).splitlines()
    assert lines[0] == "Camera: Canon EOS 5D"
    assert len(lines) == len(detail_rows(DETAILS))
    assert as_lines(detail_rows(DETAILS), 12).startswith("Photos: 12\n")


def test_common_details_leave_out_photos_that_are_gone(session: LibrarySession) -> None:
    found = session.images.common_details(np.array([1, 2, 10_000]))
    assert (found.images, found.read) == (2, 2)
