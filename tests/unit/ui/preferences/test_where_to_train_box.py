"""Where to train: what is kept, what a test says, and that nothing waits for it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from lmpt_desktop.engine.encoding.place import EncodingPlace, place_of
from lmpt_desktop.settings import ENCODE_AWAY, MACHINE, TRAIN_AWAY, Settings, Storage
from lmpt_desktop.ui.preferences.where_to_train_box import WhereToTrainBox
from trainer.events import FarMachine
from trainer.remote.machine import Found, SshMachine
from trainer.remote.trouble import Trouble

HERE = FarMachine("3.11.2", "NVIDIA H200", 140_000_000_000, 16, 2_000_000_000_000)


@pytest.fixture
def stored() -> dict[str, Any]:
    return {}


@pytest.fixture
def settings(stored: dict[str, Any]) -> Settings:
    return Settings(Storage.COMPUTER, stored.get, stored.__setitem__)


@pytest.fixture
def box(settings: Settings, qtbot: QtBot) -> WhereToTrainBox:
    made = WhereToTrainBox(settings)
    qtbot.addWidget(made)
    made.show()
    return made


def answer(monkeypatch: pytest.MonkeyPatch, found: Found) -> list[str]:
    """Have every test find this; returns the names that were asked for."""
    asked: list[str] = []

    def probe(self: SshMachine) -> Found:
        assert threading.current_thread() is not threading.main_thread()
        asked.append(self.destination)
        return found

    monkeypatch.setattr(SshMachine, "probe", probe)
    return asked


def choose(box: WhereToTrainBox, name: str, qtbot: QtBot) -> None:
    box.away.click()
    box.machine.clear()
    qtbot.keyClicks(box.machine, name)
    box.machine.editingFinished.emit()


def test_at_first_it_is_this_computer(box: WhereToTrainBox) -> None:
    assert box.here.isChecked()
    assert not box.machine.isEnabled()
    assert not box.test.isEnabled()


def test_what_is_chosen_is_kept(box: WhereToTrainBox, settings: Settings, qtbot: QtBot) -> None:
    choose(box, "me@other ", qtbot)
    assert settings.get(TRAIN_AWAY)
    assert settings.get(MACHINE) == "me@other"
    box.here.click()
    assert not settings.get(TRAIN_AWAY)
    again = WhereToTrainBox(settings)
    qtbot.addWidget(again)
    assert again.here.isChecked()
    assert again.machine.text() == "me@other"


def test_photos_are_encoded_there_only_if_that_is_wanted_too(
    box: WhereToTrainBox, settings: Settings, qtbot: QtBot
) -> None:
    assert not box.encoding.isEnabled()
    choose(box, "me@other", qtbot)
    assert place_of(settings) == EncodingPlace()
    box.encoding.encode.click()
    assert settings.get(ENCODE_AWAY)
    assert place_of(settings) == EncodingPlace("me@other")
    for line, path in ((box.encoding.here, "/home/me/photos"), (box.encoding.there, "/mnt/p ")):
        qtbot.keyClicks(line, path)
        line.editingFinished.emit()
    place = place_of(settings)
    assert place.folders == (("/home/me/photos", "/mnt/p"),)
    assert place.arguments() == ["--machine", "me@other", "--folder", "/home/me/photos", "/mnt/p"]
    box.here.click()
    assert place_of(settings) == EncodingPlace()


def test_half_a_path_is_said_and_not_kept(
    box: WhereToTrainBox, settings: Settings, qtbot: QtBot
) -> None:
    choose(box, "me@other", qtbot)
    box.encoding.encode.click()
    qtbot.keyClicks(box.encoding.there, "photos")
    box.encoding.there.editingFinished.emit()
    assert "whole paths" in box.encoding.says.text()
    qtbot.keyClicks(box.encoding.there, "x")
    assert not box.encoding.says.isVisible()
    assert place_of(settings).folders == ()


def test_what_is_no_name_is_said_and_not_kept(
    box: WhereToTrainBox, settings: Settings, qtbot: QtBot
) -> None:
    choose(box, "-oProxyCommand=x", qtbot)
    assert box.says.text() == Trouble.BAD_NAME.sentence
    assert settings.get(MACHINE) == ""
    qtbot.keyClicks(box.machine, "x")
    assert not box.says.isVisible()


def test_a_test_says_what_is_there(
    box: WhereToTrainBox, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = answer(monkeypatch, Found(python="3.11.2", version="0.2.0", machine=HERE))
    choose(box, "other", qtbot)
    qtbot.mouseClick(box.test, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Reached." in box.says.text())
    assert asked == ["other"]
    assert "NVIDIA H200 (140 GB of GPU memory free)" in box.says.text()
    assert "2,000 GB of disk space is free" in box.says.text()
    assert box.test.isEnabled()


def test_without_lmpt_there_it_says_what_to_type(
    box: WhereToTrainBox, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, Found(Trouble.NO_TRAINER, "env: no such file", python="3.9.2"))
    choose(box, "other", qtbot)
    qtbot.mouseClick(box.test, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "is not installed" in box.says.text())
    assert "3.11 or newer is needed" in box.says.text()
    assert "\n~/.lmpt-desktop/bin/pip install lmpt-desktop" in box.says.text()
    assert box.says.toolTip() == "env: no such file"


def test_an_answer_for_another_name_is_not_shown(
    box: WhereToTrainBox, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()

    def probe(self: SshMachine) -> Found:
        go.wait(30)
        return Found(Trouble.DENIED if self.destination == "other" else Trouble.UNREACHABLE)

    monkeypatch.setattr(SshMachine, "probe", probe)
    choose(box, "other", qtbot)
    qtbot.mouseClick(box.test, Qt.MouseButton.LeftButton)
    choose(box, "third", qtbot)
    qtbot.mouseClick(box.test, Qt.MouseButton.LeftButton)
    go.set()
    qtbot.waitUntil(lambda: box.says.text() == Trouble.UNREACHABLE.sentence)


@pytest.fixture
def never_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[int]]:
    """Have ssh wait for ever; returns what tells which of them run."""
    if os.name != "posix":
        pytest.skip("a shell script stands for ssh")
    ssh = tmp_path / "ssh"
    ssh.write_text(f"#!/bin/sh\necho $$ >> {tmp_path}/begun\nexec sleep 300\n")
    ssh.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    def running() -> list[int]:
        begun = tmp_path / "begun"
        pids = [int(pid) for pid in begun.read_text().split()] if begun.exists() else []
        return [pid for pid in pids if psutil.pid_exists(pid)]

    return running


def test_a_second_test_ends_the_first(
    box: WhereToTrainBox, qtbot: QtBot, never_answers: Callable[[], list[int]]
) -> None:
    choose(box, "other", qtbot)
    box.test.setFocus()
    qtbot.keyClick(box.focusWidget(), Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: len(never_answers()) == 1)
    [first] = never_answers()
    encodes_there = box.encoding.encode.isChecked()
    qtbot.keyClick(box.focusWidget(), Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: len(never_answers()) == 1 and never_answers() != [first])
    assert box.encoding.encode.isChecked() is encodes_there
    assert box.says.text() == "Connecting..."
    box.stop()
    assert not never_answers()


def test_what_is_edited_is_not_waited_for(
    box: WhereToTrainBox, qtbot: QtBot, never_answers: Callable[[], list[int]]
) -> None:
    """Threads of the window are few, and each would wait for most of a minute."""
    choose(box, "other", qtbot)
    box.test.click()
    qtbot.waitUntil(lambda: len(never_answers()) == 1)
    qtbot.keyClicks(box.machine, "s")
    assert not never_answers()


@pytest.fixture
def quick_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have any file be what is installed."""
    monkeypatch.setattr("trainer.remote.own_wheel.write", lambda folder: Path(__file__))


@pytest.mark.usefixtures("quick_wheel")
@pytest.mark.parametrize("installing", [False, True])
def test_the_program_ends_without_waiting_for_the_other_computer(
    box: WhereToTrainBox,
    qapp: QApplication,
    qtbot: QtBot,
    never_answers: Callable[[], list[int]],
    installing: bool,
) -> None:
    choose(box, "other", qtbot)
    box._install_or_cancel() if installing else box._test()
    qtbot.waitUntil(lambda: len(never_answers()) == 1)
    qapp.aboutToQuit.emit()
    assert not never_answers()


@pytest.mark.usefixtures("quick_wheel")
def test_an_installation_is_cancelled_while_it_connects(
    box: WhereToTrainBox,
    qtbot: QtBot,
    never_answers: Callable[[], list[int]],
) -> None:
    choose(box, "other", qtbot)
    box._install_or_cancel()
    qtbot.waitUntil(lambda: len(never_answers()) == 1)
    assert box.install.hasFocus()
    qtbot.keyClick(box.install, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: box.says.text().startswith("Cancelled."))
    assert not never_answers()
    assert box.test.hasFocus()
