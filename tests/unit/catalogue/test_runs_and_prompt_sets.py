"""Runs, prompt sets, held-out images and settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lmpt_desktop.catalogue import Catalogue, NotInCatalogue, PromptSetRecord, RunState


@pytest.fixture
def three(catalogue: Catalogue) -> list[PromptSetRecord]:
    folder = catalogue.library_folder / "prompt_sets"
    return [catalogue.prompt_sets.add(folder / str(i), "lite") for i in range(3)]


def test_a_run_is_recorded_from_start_to_end(catalogue: Catalogue) -> None:
    jobs = catalogue.library_folder / "jobs"
    run = catalogue.runs.add(jobs / "{id}", "lite", settings={"method": "lmpt"})
    assert run.folder == jobs / str(run.id)
    assert (run.state, run.settings, run.finished) == (RunState.PREPARING, {"method": "lmpt"}, None)
    run = catalogue.runs.update(run.id, state=RunState.RUNNING, pid=42, pid_created=1.5)
    assert (run.pid, run.pid_created) == (42, 1.5)
    assert catalogue.runs.unfinished() == [run]
    run = catalogue.runs.update(run.id, state=RunState.FAILED, message="No memory.")
    assert run.finished is not None
    assert (run.pid, run.message) == (42, "No memory.")
    assert catalogue.runs.unfinished() == []
    assert catalogue.runs.all() == [run]
    with pytest.raises(NotInCatalogue):
        catalogue.runs.update(99, state=RunState.LOST)


def test_a_moved_library_still_finds_its_folders(library: Path, tmp_path: Path) -> None:
    with Catalogue.open(library) as catalogue:
        inside = catalogue.prompt_sets.add(library / "prompt_sets" / "1", "lite")
        outside = catalogue.prompt_sets.add(tmp_path / "elsewhere", "lite")
    library.rename(tmp_path / "moved")
    with Catalogue.open(tmp_path / "moved") as catalogue:
        assert catalogue.prompt_sets.get(inside.id).folder == tmp_path / "moved/prompt_sets/1"
        assert catalogue.prompt_sets.get(outside.id).folder == tmp_path / "elsewhere"


def test_one_prompt_set_per_backbone_is_active(
    catalogue: Catalogue, three: list[PromptSetRecord]
) -> None:
    other = catalogue.prompt_sets.add(Path("/elsewhere"), "RN50/openai")
    assert catalogue.prompt_sets.active("lite") is None
    catalogue.prompt_sets.promote(three[0].id)
    catalogue.prompt_sets.promote(other.id)
    assert catalogue.prompt_sets.promote(three[1].id).active
    active = catalogue.prompt_sets.active("lite")
    assert active is not None
    assert active.id == three[1].id
    state = {item.id: (item.active, item.promoted) for item in catalogue.prompt_sets.all()}
    assert state == {
        three[0].id: (False, True),
        three[1].id: (True, True),
        three[2].id: (False, False),
        other.id: (True, True),
    }


def test_rolling_back_goes_one_version_further_each_time(
    catalogue: Catalogue, three: list[PromptSetRecord]
) -> None:
    for item in three:
        catalogue.prompt_sets.promote(item.id)
    back = [catalogue.prompt_sets.roll_back("lite") for _ in range(4)]
    assert [item and item.id for item in back] == [three[1].id, three[0].id, None, None]
    catalogue.prompt_sets.promote(three[2].id)
    assert catalogue.prompt_sets.roll_back("lite") is None


def test_rolling_back_skips_what_was_discarded(
    catalogue: Catalogue, three: list[PromptSetRecord]
) -> None:
    for item in three:
        catalogue.prompt_sets.promote(item.id)
    with pytest.raises(ValueError, match="active"):
        catalogue.prompt_sets.discard(three[2].id)
    catalogue.prompt_sets.discard(three[1].id)
    back = catalogue.prompt_sets.roll_back("lite")
    assert back is not None
    assert back.id == three[0].id
    assert three[1].id not in {item.id for item in catalogue.prompt_sets.all()}
    with pytest.raises(NotInCatalogue):
        catalogue.prompt_sets.promote(three[1].id)


def test_zero_shot_can_be_promoted_and_rolled_back(
    catalogue: Catalogue, three: list[PromptSetRecord]
) -> None:
    catalogue.prompt_sets.promote(three[0].id)
    catalogue.prompt_sets.promote_zero_shot("lite")
    assert catalogue.prompt_sets.active("lite") is None
    back = catalogue.prompt_sets.roll_back("lite")
    assert back is not None
    assert back.id == three[0].id


def test_going_on_to_an_older_version_is_not_going_back(
    catalogue: Catalogue, three: list[PromptSetRecord]
) -> None:
    a, b, _ = three
    for item in (a, b, a):
        catalogue.prompt_sets.promote(item.id)
    back = [catalogue.prompt_sets.roll_back("lite") for _ in range(3)]
    assert [item and item.id for item in back] == [b.id, a.id, None]


def test_held_out_images_are_remembered(
    catalogue: Catalogue, add_images: Callable[[int], list[int]]
) -> None:
    a, b, _ = add_images(3)
    catalogue.runs.add_held_out([a, b])
    catalogue.runs.add_held_out([a])
    assert catalogue.runs.held_out() == {a, b}
    assert catalogue.runs.is_held_out(a)
    assert not catalogue.runs.is_held_out(99)
    with pytest.raises(NotInCatalogue):
        catalogue.runs.add_held_out([a, 99])
    assert catalogue.runs.held_out() == {a, b}


def test_settings_hold_anything_json_holds(catalogue: Catalogue) -> None:
    assert catalogue.settings.get("limits") is None
    assert catalogue.settings.get("limits", 3) == 3
    for value in ({"head": 100}, [1, "é"], None, False):
        catalogue.settings.set("limits", value)
        assert catalogue.settings.get("limits", "default") == value
    catalogue.settings.set("device", "cpu")
    catalogue.settings.delete("limits")
    assert catalogue.settings.all() == {"device": "cpu"}
    with pytest.raises(TypeError):
        catalogue.settings.set("bad", object())
