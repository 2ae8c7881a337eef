from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from lmpt_desktop.engine.notices import Activity, ActivityKind, ActivityState
from lmpt_desktop.ui.shell.status_bar import StatusBar, activity_text, seconds_text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 s"), (45, "45 s"), (61, "1 min"), (3600, "1 h"), (7800, "2 h 10 min")],
)
def test_time_left_in_words(seconds: float, text: str) -> None:
    assert seconds_text(seconds) == text


@pytest.mark.parametrize(
    ("activity", "text"),
    [
        (
            Activity(ActivityKind.ENCODE, ActivityState.RUNNING, 120, 204, 60.0),
            "Encoding photos: 120 of 204, 1 min left",
        ),
        (
            Activity(ActivityKind.SCAN, ActivityState.RUNNING, 1240),
            "Looking for photos: 1,240 so far",
        ),
        (
            Activity(ActivityKind.ENCODE, ActivityState.PAUSED, 3, 9),
            "Encoding photos: 3 of 9 (paused)",
        ),
        (
            Activity(ActivityKind.DOWNLOAD, ActivityState.RUNNING, 12_000_000, 605_000_000),
            "Downloading the backbone: 12 of 605 MB",
        ),
        (
            Activity(
                ActivityKind.ENCODE, ActivityState.RUNNING, 3, 9, 130.0, note="slowly, on battery"
            ),
            "Encoding photos: 3 of 9, 2 min left (slowly, on battery)",
        ),
        (
            Activity(ActivityKind.ENCODE, ActivityState.FAILED, message="No memory left."),
            "No memory left.",
        ),
    ],
)
def test_an_activity_in_a_line(activity: Activity, text: str) -> None:
    assert activity_text(activity) == text


@pytest.fixture
def bar(qtbot: QtBot) -> StatusBar:
    bar = StatusBar()
    qtbot.addWidget(bar)
    return bar


def test_the_activity_people_wait_for_is_the_one_on_show(bar: StatusBar) -> None:
    bar.show_activity(Activity(ActivityKind.SCAN, ActivityState.RUNNING, 1))
    bar.show_activity(Activity(ActivityKind.ENCODE, ActivityState.RUNNING, 1, 9))
    assert bar.current is not None
    assert bar.current.kind is ActivityKind.ENCODE
    bar.show_activity(Activity(ActivityKind.ENCODE, ActivityState.IDLE, 9, 9))
    assert bar.current is not None
    assert bar.current.kind is ActivityKind.SCAN
    assert bar.working
    bar.show_activity(Activity(ActivityKind.SCAN, ActivityState.IDLE))
    assert bar.current is None
    assert not bar.working
    assert bar.activity.isHidden()


def test_the_buttons_ask_for_pause_resume_and_stop(bar: StatusBar, qtbot: QtBot) -> None:
    asked: list[tuple[str, ActivityKind]] = []
    bar.pause_requested.connect(lambda kind: asked.append(("pause", kind)))
    bar.resume_requested.connect(lambda kind: asked.append(("resume", kind)))
    bar.cancel_requested.connect(lambda kind: asked.append(("cancel", kind)))
    bar.show_activity(Activity(ActivityKind.ENCODE, ActivityState.RUNNING, 1, 9))
    bar.pause_button.click()
    bar.cancel_button.click()
    bar.show_activity(Activity(ActivityKind.ENCODE, ActivityState.PAUSED, 1, 9))
    assert bar.paused
    bar.pause_button.click()
    encode = ActivityKind.ENCODE
    assert asked == [("pause", encode), ("cancel", encode), ("resume", encode)]


def test_photos_that_wait_for_another_computer_can_be_encoded_here(bar: StatusBar) -> None:
    asked: list[None] = []
    bar.here_requested.connect(lambda: asked.append(None))
    bar.show_activity(Activity(ActivityKind.ENCODE, ActivityState.RUNNING, 1, 9))
    assert bar.here_button.isHidden()
    bar.show_activity(Activity(ActivityKind.ENCODE, ActivityState.RUNNING, 1, 9, waits=True))
    assert not bar.here_button.isHidden()
    bar.here_button.click()
    assert asked == [None]
    bar.show_activity(Activity(ActivityKind.ENCODE, ActivityState.IDLE))
    assert bar.here_button.isHidden()


def test_until_the_model_is_loaded_that_is_shown(bar: StatusBar) -> None:
    bar.show_model("lite", "")
    bar.show_activity(Activity(ActivityKind.ENCODE, ActivityState.RUNNING, 0, 9))
    assert bar.activity.text() == "Loading the backbone"
    bar.show_model("lite", "CPU")
    assert bar.activity.text() == "Encoding photos: 0 of 9"


def test_a_failure_stays_until_it_is_tried_again(bar: StatusBar) -> None:
    bar.show_activity(Activity(ActivityKind.ENCODE, ActivityState.FAILED, message="No memory."))
    assert bar.activity.text() == "No memory."
    assert bar.pause_button.text() == "Try again"
    assert bar.cancel_button.isHidden()


def test_backbone_and_device_are_named(bar: StatusBar) -> None:
    bar.show_model("lite", "")
    assert bar.model.text() == "Lite · this computer"
    assert "not loaded" in bar.model.toolTip()
    bar.show_model("lite", "NVIDIA H200")
    assert "Lite" in bar.model.text()
    assert "NVIDIA H200" in bar.model.text()
