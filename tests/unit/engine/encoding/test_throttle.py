"""How much of the machine encoding takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from lmpt_desktop.engine.encoding.encoder import MAX_IN_FLIGHT, EncoderClient, EncoderError
from lmpt_desktop.engine.encoding.progress import MAX_REQUEST
from lmpt_desktop.engine.encoding.throttle import (
    AS_CHOSEN,
    ON_BATTERY,
    EncodingThrottle,
    Pace,
    on_battery,
)
from lmpt_desktop.engine.notices import Activity, ActivityState
from trainer.events import EncoderAway, EncoderReady, PhotoFailure

Until = Callable[[Callable[[], object]], None]
PHOTOS = 3 * MAX_IN_FLIGHT * MAX_REQUEST // 2


@pytest.mark.parametrize(
    ("pace", "battery", "reason"),
    [
        (Pace.AUTOMATIC, False, ""),
        (Pace.AUTOMATIC, True, ON_BATTERY),
        (Pace.GENTLE, False, AS_CHOSEN),
        (Pace.GENTLE, True, AS_CHOSEN),
        (Pace.FULL, True, ""),
    ],
)
def test_choice_and_battery_decide(pace: Pace, battery: bool, reason: str) -> None:
    reasons: list[str] = []
    EncodingThrottle(pace, reasons.append, lambda: battery).check()
    assert reasons == ([reason] if reason else [])


def test_a_change_is_applied_once_and_a_choice_at_once() -> None:
    plugged = [True, False, False, True]
    reasons: list[str] = []
    throttle = EncodingThrottle(Pace.AUTOMATIC, reasons.append, lambda: not plugged.pop(0))
    for _ in range(4):
        throttle.check()
    assert reasons == [ON_BATTERY, ""]
    throttle.choose(Pace.GENTLE)
    throttle.choose(Pace.FULL)
    assert reasons[2:] == [AS_CHOSEN, ""]


@pytest.mark.parametrize(
    ("battery", "expected"),
    [
        (None, False),
        (SimpleNamespace(power_plugged=True), False),
        (SimpleNamespace(power_plugged=None), False),
        (SimpleNamespace(power_plugged=False), True),
    ],
)
def test_only_a_battery_that_says_so_counts(
    battery: Any, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psutil, "sensors_battery", lambda: battery, raising=False)
    assert on_battery() is expected


def test_a_sensor_that_fails_is_no_battery(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OSError("no /sys here")

    monkeypatch.setattr(psutil, "sensors_battery", fail, raising=False)
    assert not on_battery()


class Sink:
    """Takes everything an encoder answers."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.activities: list[Activity] = []

    def photo_paths(self, ids: Sequence[int]) -> list[Path]:
        return [Path(f"dog_{i}.jpg") for i in ids]

    def photos_encoded(
        self,
        ids: NDArray[np.int64],
        features: NDArray[np.float16],
        windows: NDArray[np.int8] | None,
    ) -> None:
        self.ids.extend(ids.tolist())

    def encoder_away(self, away: EncoderAway) -> None:
        raise AssertionError(away)

    def encoder_activity(self, activity: Activity) -> None:
        self.activities.append(activity)

    def encoder_ready(self, ready: EncoderReady) -> None: ...
    def photos_failed(self, failures: Sequence[PhotoFailure]) -> None: ...
    def encoder_failed(self, error: EncoderError, details: str) -> None: ...


def test_another_process_takes_over_when_the_pace_changes_and_no_photo_is_lost(
    tmp_path: Path, encoder_command: list[str], until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_ENCODER", '{"seconds_per_photo": 0.003}')
    sink = Sink()
    client = EncoderClient("lite", "cpu", tmp_path / "out", sink, command=encoder_command)
    try:
        # More than the requests in flight may carry, so that there is work for the second.
        client.add(range(PHOTOS))
        until(lambda: sink.ids)
        client.set_gentle(ON_BATTERY)
        starts = tmp_path / "starts.txt"
        until(lambda: starts.read_text().splitlines() == ["lite", "lite gently"])
        until(lambda: len(sink.ids) == PHOTOS)
        assert sorted(sink.ids) == list(range(PHOTOS))
        running = [a for a in sink.activities if a.state is ActivityState.RUNNING]
        assert {item.note for item in running} == {"", ON_BATTERY}
        client.set_gentle("")
        client.add(range(PHOTOS, PHOTOS + 10))
        until(lambda: len(sink.ids) == PHOTOS + 10)
        assert starts.read_text().splitlines() == ["lite", "lite gently", "lite"]
    finally:
        client.close()
