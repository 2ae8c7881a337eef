"""Pages are built when first shown, once."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QLabel, QWidget
from pytestqt.qtbot import QtBot

from lmpt_desktop.ui.shell.page_stack import GRID, PageStack


@pytest.fixture
def stack(qtbot: QtBot) -> PageStack:
    made = PageStack(QWidget())
    qtbot.addWidget(made)
    return made


def test_the_grid_is_in_front_at_first(stack: PageStack) -> None:
    assert stack.current == GRID


def test_a_page_is_built_once_and_only_when_shown(stack: PageStack) -> None:
    built: list[QWidget] = []

    def make() -> QWidget:
        built.append(QLabel("chart"))
        return built[-1]

    stack.offer("chart", make)
    assert stack.built("chart") is None and not built
    first = stack.show_page("chart")
    stack.show_page(GRID)
    assert stack.show_page("chart") is first is stack.built("chart")
    assert len(built) == 1


def test_the_page_that_came_to_the_front_is_signalled(qtbot: QtBot, stack: PageStack) -> None:
    stack.offer("chart", QWidget)
    shown: list[str] = []
    stack.shown.connect(shown.append)
    for name in ("chart", "chart", GRID):
        stack.show_page(name)
    assert shown == ["chart", GRID]


def test_an_unknown_page_is_an_error(stack: PageStack) -> None:
    with pytest.raises(KeyError):
        stack.show_page("nothing")


def test_only_the_page_in_front_limits_how_small_the_stack_may_be(stack: PageStack) -> None:
    tall = QWidget()
    tall.setMinimumSize(50, 700)
    stack.offer("chart", lambda: tall)
    stack.show_page("chart")
    assert stack.minimumSizeHint().height() == 700
    stack.show_page(GRID)
    assert stack.minimumSizeHint().height() < 700
