"""Preferences: what holds is shown, and each change takes effect at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytestqt.qtbot import QtBot
from shells import BareLibrary
from shiboken6 import isValid
from ui_libraries import LIMITS, Locked

from lmpt_desktop.catalogue import backups
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.settings import (
    ALL,
    BAND_LIMITS,
    DEVICE,
    LANGUAGE,
    PACE,
    SPACE_FOR_COPIES,
    SUGGEST_RETRAIN,
    THEME,
    ZOOM,
    Pace,
    Setting,
    Storage,
)
from lmpt_desktop.ui.kit.setting_editors import (
    BandLimitsEditor,
    ChoiceEditor,
    FlagEditor,
    LanguageEditor,
    NumberEditor,
    SettingEditor,
)
from lmpt_desktop.ui.preferences.dialog import PreferencesDialog
from lmpt_desktop.ui.shell.context import ShellContext
from trainer.bands import BandLimits

Show = Callable[[], PreferencesDialog]


@pytest.fixture
def show(context: ShellContext, qtbot: QtBot) -> Iterator[Show]:
    """Open the dialog in the shell; its changes are kept before the test ends."""

    def show() -> PreferencesDialog:
        dialog = PreferencesDialog(context, context.dialog_parent)
        context.dialogs.replace("preferences", dialog)
        return dialog

    yield show
    context.dialogs.close_all()


@pytest.fixture
def preferences(opened: BareLibrary, show: Show) -> PreferencesDialog:
    """The dialog while a library is open."""
    return show()


def choices(dialog: PreferencesDialog, setting: Setting[Any]) -> ChoiceEditor:
    editor = dialog.editors[setting.key]
    assert isinstance(editor, ChoiceEditor)
    return editor


def choose(dialog: PreferencesDialog, setting: Setting[Any], value: object) -> None:
    box = choices(dialog, setting).box
    box.setCurrentIndex(box.findData(value))


def limits(dialog: PreferencesDialog) -> BandLimitsEditor:
    editor = dialog.editors[BAND_LIMITS.key]
    assert isinstance(editor, BandLimitsEditor)
    return editor


def enabled(editor: SettingEditor) -> bool:
    return editor.field.isEnabled()


def test_every_setting_with_a_group_has_an_editor(preferences: PreferencesDialog) -> None:
    assert set(preferences.editors) == {setting.key for setting in ALL if setting.group}


def test_what_holds_is_shown(
    context: ShellContext, opened: BareLibrary, session: LibrarySession, show: Show
) -> None:
    context.settings.set(THEME, "dark")
    context.settings.set(LANGUAGE, "de")
    context.settings.set(SUGGEST_RETRAIN, False)
    context.settings.set(ZOOM, 240)
    session.settings.set(DEVICE, "cpu")
    session.settings.set(PACE, Pace.GENTLE)
    session.settings.set(BAND_LIMITS, BandLimits(20, 100))
    dialog = show()
    assert choices(dialog, THEME).box.currentText() == "Dark"
    assert choices(dialog, LANGUAGE).box.currentText() == "Deutsch"
    assert choices(dialog, DEVICE).box.currentData() == "cpu"
    assert choices(dialog, PACE).box.currentData() == Pace.GENTLE
    suggest, zoom = dialog.editors[SUGGEST_RETRAIN.key], dialog.editors[ZOOM.key]
    assert isinstance(suggest, FlagEditor) and not suggest.box.isChecked()
    assert isinstance(zoom, NumberEditor) and zoom.slider.value() == 240
    assert (limits(dialog).medium.value(), limits(dialog).head.value()) == (20, 100)


def test_what_is_chosen_for_the_computer_holds_at_once(
    preferences: PreferencesDialog, context: ShellContext
) -> None:
    choose(preferences, THEME, "light")
    choose(preferences, LANGUAGE, "de")
    suggest, zoom = preferences.editors[SUGGEST_RETRAIN.key], preferences.editors[ZOOM.key]
    assert isinstance(suggest, FlagEditor) and isinstance(zoom, NumberEditor)
    suggest.box.click()
    zoom.slider.setValue(ZOOM.bounds[1])
    settings = context.settings
    assert settings.get(THEME) == "light"
    assert settings.get(LANGUAGE) == "de"
    assert settings.get(SUGGEST_RETRAIN) is False
    assert settings.get(ZOOM) == ZOOM.bounds[1]


def test_what_is_chosen_for_the_library_is_kept_in_it(
    preferences: PreferencesDialog, session: LibrarySession, qtbot: QtBot
) -> None:
    choose(preferences, DEVICE, "cpu")
    choose(preferences, PACE, Pace.GENTLE)
    qtbot.waitUntil(lambda: session.settings.get(DEVICE) == "cpu")
    qtbot.waitUntil(lambda: session.settings.get(PACE) is Pace.GENTLE)


def test_a_choice_that_cannot_be_saved_is_reported(
    preferences: PreferencesDialog, context: ShellContext, locked: Locked, qtbot: QtBot
) -> None:
    with locked():
        choose(preferences, DEVICE, "cpu")
        qtbot.waitUntil(lambda: bool(context.notifications.shown))
    assert context.notifications.shown[0].title == "Something went wrong"


def test_a_new_language_is_announced_for_the_next_start(
    preferences: PreferencesDialog,
) -> None:
    language = preferences.editors[LANGUAGE.key]
    assert isinstance(language, LanguageEditor) and language.note.isHidden()
    choose(preferences, LANGUAGE, "de")
    assert not language.note.isHidden()


def test_band_limits_cannot_cross(
    preferences: PreferencesDialog, session: LibrarySession, qtbot: QtBot
) -> None:
    editor = limits(preferences)
    assert (editor.medium.value(), editor.head.value()) == (LIMITS.medium, LIMITS.head)
    editor.medium.setValue(500)
    assert editor.medium.value() == LIMITS.head - 1
    editor.medium.setValue(3)
    editor.medium.editingFinished.emit()
    qtbot.waitUntil(lambda: session.settings.get(BAND_LIMITS) == BandLimits(3, LIMITS.head))
    editor.head.setValue(1)
    assert editor.head.value() == 4
    editor.head.editingFinished.emit()
    qtbot.waitUntil(lambda: session.settings.get(BAND_LIMITS) == BandLimits(3, 4))


def test_limits_that_were_left_as_they_are_are_not_saved(
    preferences: PreferencesDialog, session: LibrarySession
) -> None:
    saved: list[object] = []
    session.settings.on_change(BAND_LIMITS, saved.append)
    limits(preferences).head.editingFinished.emit()
    assert saved == []


def test_without_a_library_only_the_computer_can_be_set(show: Show) -> None:
    dialog = show()
    kept = {setting.key: setting.storage for setting in ALL}
    assert {key: enabled(editor) for key, editor in dialog.editors.items()} == {
        key: kept[key] is Storage.COMPUTER for key in dialog.editors
    }
    assert not dialog.no_library.isHidden()


def test_a_theme_chosen_in_the_menu_is_shown(
    preferences: PreferencesDialog, context: ShellContext
) -> None:
    context.commands.trigger("view.theme-light")
    assert choices(preferences, THEME).box.currentData() == "light"


def test_a_closed_dialog_no_longer_follows(
    preferences: PreferencesDialog, context: ShellContext, qtbot: QtBot
) -> None:
    preferences.close()
    qtbot.waitUntil(lambda: not isValid(preferences))
    context.settings.set(THEME, "dark")  # a handler left behind would touch a deleted widget


def test_the_shortcuts_of_a_command_can_be_opened_directly(
    preferences: PreferencesDialog,
) -> None:
    preferences.show_shortcuts("file.open")
    current = preferences.shortcuts.current
    assert current is not None and current.id == "file.open"
    assert preferences.tabs.currentWidget() is preferences.shortcuts


def test_what_copies_take_is_said_and_what_a_smaller_limit_would_delete(
    preferences: PreferencesDialog,
    session: LibrarySession,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = preferences.copies
    qtbot.waitUntil(lambda: bool(text.text()))
    catalogue = session.library_folder / backups.CATALOGUE_NAME
    made = [backups.back_up(catalogue, backups.DAILY) for _ in range(4)]
    count = len(backups.existing(session.library_folder))
    monkeypatch.setattr("lmpt_desktop.engine.copy_space.GIGABYTE", made[0].stat().st_size // 2)
    choose(preferences, SPACE_FOR_COPIES, 10)
    qtbot.waitUntil(lambda: f"{count} copies take" in text.text())
    assert "will be deleted" not in text.text()
    choose(preferences, SPACE_FOR_COPIES, 5)
    qtbot.waitUntil(lambda: f"With the next copy, {count - 2} older ones" in text.text())
    assert len(backups.existing(session.library_folder)) == count
