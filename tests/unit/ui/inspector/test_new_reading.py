"""What the inspector knows at once, and what it reads off the window's thread."""

from __future__ import annotations

import threading

import pytest
from pytestqt.qtbot import QtBot
from ui_libraries import UNREADABLE

from lmpt_desktop.catalogue.store import Store
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.ui.inspector.panel import InspectorPanel


@pytest.fixture
def panel(session: LibrarySession, qtbot: QtBot) -> InspectorPanel:
    panel = InspectorPanel(session)
    qtbot.addWidget(panel)
    panel.resize(340, 800)
    panel.show()
    return panel


@pytest.fixture
def readers(monkeypatch: pytest.MonkeyPatch) -> set[threading.Thread]:
    """The threads that have read the catalogue."""
    threads: set[threading.Thread] = set()
    read = Store.read

    def noted(store: Store) -> object:
        threads.add(threading.current_thread())
        return read(store)

    monkeypatch.setattr(Store, "read", noted)
    return threads


def test_a_selection_reads_the_catalogue_on_another_thread_only(
    panel: InspectorPanel, readers: set[threading.Thread], qtbot: QtBot
) -> None:
    panel.show_images([1])
    qtbot.waitUntil(lambda: panel.photo.pixmap is not None)
    assert readers and threading.main_thread() not in readers


def test_the_name_is_shown_at_once_and_the_whole_path_follows(
    panel: InspectorPanel, session: LibrarySession, qtbot: QtBot
) -> None:
    panel.show_images([1])
    assert panel.facts.name.text() == "photo 0.jpg"
    assert panel.facts.facts.text().startswith("320 × 240")
    path = str(session.images.path(1))
    qtbot.waitUntil(lambda: panel.facts.name.toolTip() == path)


def test_the_reason_of_an_unreadable_file_follows(panel: InspectorPanel, qtbot: QtBot) -> None:
    panel.show_images([UNREADABLE])
    assert panel.facts.problem.text() == "The file cannot be read."
    qtbot.waitUntil(lambda: "cut short" in panel.facts.problem.text())
    assert "cut short" in panel.photo.message


def test_a_caption_appears_when_it_is_read_and_only_for_its_own_photo(
    panel: InspectorPanel, session: LibrarySession, qtbot: QtBot
) -> None:
    session.images.set_caption(1, "a dog on a beach")
    panel.show_images([1])
    qtbot.waitUntil(lambda: panel.facts.caption.toPlainText() == "a dog on a beach")
    panel.show_images([2])
    assert panel.facts.caption.toPlainText() == ""
    panel.show_images([1])
    panel.show_images([2])
    path = str(session.images.path(2))
    qtbot.waitUntil(lambda: panel.facts.name.toolTip() == path)
    assert panel.facts.caption.toPlainText() == ""


def test_what_is_typed_before_the_caption_is_read_is_kept(
    panel: InspectorPanel, session: LibrarySession, qtbot: QtBot
) -> None:
    session.images.set_caption(1, "a dog on a beach")
    panel.activateWindow()
    panel.show_images([1])
    panel.facts.caption.setFocus()
    qtbot.waitUntil(panel.facts.caption.hasFocus)
    panel.facts.caption.expect_caption()
    qtbot.keyClicks(panel.facts.caption, "two dogs")
    panel.facts.caption.set_caption("a dog on a beach")
    assert panel.facts.caption.toPlainText() == "two dogs"
    with qtbot.waitSignal(panel.caption_wanted) as wanted:
        panel.facts.caption.flush()
    assert wanted.args == [1, "two dogs"]
