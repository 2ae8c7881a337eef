"""The user is told of copies that take too much, once for each limit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lmpt_desktop.catalogue import Catalogue, backups
from lmpt_desktop.engine.copy_space import SpaceForCopies
from lmpt_desktop.engine.notices import Notice, Problem
from lmpt_desktop.settings import NO_LIMIT, SPACE_FOR_COPIES, Settings, Storage

Opened = Callable[[], tuple[SpaceForCopies, Settings]]


@pytest.fixture
def told() -> list[Notice]:
    return []


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: list[Notice]) -> Opened:
    """Opens a library with two copies, of which one takes more than 2 "GB"."""
    library = tmp_path / "library"
    Catalogue.open(library).close()
    (copy,) = backups.existing(library)
    backups.back_up(library / backups.CATALOGUE_NAME, backups.DAILY)
    monkeypatch.setattr("lmpt_desktop.engine.copy_space.GIGABYTE", copy.stat().st_size // 3)

    def open_() -> tuple[SpaceForCopies, Settings]:
        catalogue = Catalogue.open(library)
        settings = Settings(Storage.LIBRARY, catalogue.settings.get, catalogue.settings.set)
        return SpaceForCopies(catalogue, settings, told.append), settings

    return open_


def test_each_limit_is_told_of_once(opened: Opened, told: list[Notice]) -> None:
    for limit, times in ((5, 1), (2, 2), (10, 2), (5, 3), (NO_LIMIT, 3)):
        _, settings = opened()
        settings.set(SPACE_FOR_COPIES, limit)
        for _ in range(2):
            opened()[0].tell_if_exceeded()
        assert len(told) == times
    problem = told[0]
    assert isinstance(problem, Problem)
    assert "take more than 5 GB" in problem.message
    assert "backups" in problem.message


def test_nothing_is_said_where_there_is_space(opened: Opened, told: list[Notice]) -> None:
    space, settings = opened()
    settings.set(SPACE_FOR_COPIES, 50)
    space.tell_if_exceeded()
    assert space.survey().count == 2
    assert not told
