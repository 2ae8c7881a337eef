"""How much of the machine encoding may take (Qt-free).

At full speed the encoder still lets other programs go first.  Gently it takes half of the
cores, one decoding thread and the lowest priority; a GPU rests as long as it works.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from lmpt_desktop.translation import N_

log = logging.getLogger(__name__)

PACE_SETTING = "encoding pace"
LOOK_SECONDS = 15.0
"""How often it is asked whether the machine runs on battery."""
ON_BATTERY = N_("slowly, on battery")
AS_CHOSEN = N_("slowly, as you chose")


class Pace(StrEnum):
    """The user's choice."""

    AUTOMATIC = "automatic"
    """Full speed; gently on battery."""
    GENTLE = "gentle"
    FULL = "full"

    @classmethod
    def of(cls, value: Any) -> Pace:
        """From a setting; automatic where it holds none or nonsense."""
        try:
            return cls(value)
        except ValueError:
            return cls.AUTOMATIC


def on_battery() -> bool:
    """Whether the machine runs on its battery; False where it has none or does not say."""
    import psutil  # noqa: PLC0415 - the window is painted without it

    sensor: Callable[[], Any] | None = getattr(psutil, "sensors_battery", None)
    if sensor is None:
        return False
    try:
        battery = sensor()
    except Exception:  # half-written drivers, containers that hide /sys
        log.debug("the battery could not be asked", exc_info=True)
        return False
    # power_plugged is None where it is not known.
    return battery is not None and battery.power_plugged is False


def gentle_reason(pace: Pace, *, battery: bool) -> str:
    """Why to encode gently, as the status bar says it; "" for full speed."""
    if pace is Pace.GENTLE:
        return AS_CHOSEN
    return ON_BATTERY if pace is Pace.AUTOMATIC and battery else ""


class PaceKeeper:
    """Tells the encoder when its pace changes: by the user's choice or the plug."""

    def __init__(
        self,
        pace: Pace,
        apply: Callable[[str], None],
        battery: Callable[[], bool] = on_battery,
    ) -> None:
        """``apply`` gets the reason to be gentle, or "", whenever it changes."""
        self._pace = pace
        self._apply = apply
        self._battery = battery
        self._reason = ""
        self._lock = threading.Lock()

    def look(self) -> None:
        """Ask the battery, and apply what follows."""
        with self._lock:
            asked = self._pace is Pace.AUTOMATIC and self._battery()
            reason = gentle_reason(self._pace, battery=asked)
            if reason != self._reason:
                self._reason = reason
                log.info("encoding %s", reason or "at full speed")
                self._apply(reason)

    def choose(self, pace: Pace) -> None:
        """The user's choice, which counts at once."""
        self._pace = pace
        self.look()
