"""How much of the machine encoding may take (Qt-free).

At full speed the encoder still runs at a lower priority than other programs.  A gentle encoder
takes half of the cores, one decoding thread and the lowest priority; a GPU idles as long as it
works.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from lmpt_desktop.settings import Pace
from lmpt_desktop.translation import N_

log = logging.getLogger(__name__)

CHECK_SECONDS = 15.0
"""How often to check whether the machine runs on battery."""
ON_BATTERY = N_("slowly, on battery")
AS_CHOSEN = N_("slowly, as you chose")


def on_battery() -> bool:
    """Whether the machine runs on its battery; False where it has none or that is unknown."""
    import psutil  # noqa: PLC0415 - the window is painted without it

    sensor: Callable[[], Any] | None = getattr(psutil, "sensors_battery", None)
    if sensor is None:
        return False
    try:
        battery = sensor()
    except Exception:  # half-written drivers, containers that hide /sys
        log.debug("the battery cannot be read", exc_info=True)
        return False
    # power_plugged is None where it is not known.
    return battery is not None and battery.power_plugged is False


def gentle_reason(pace: Pace, *, battery: bool) -> str:
    """Why to encode gently, as the status bar says it; "" for full speed."""
    if pace is Pace.GENTLE:
        return AS_CHOSEN
    return ON_BATTERY if pace is Pace.AUTOMATIC and battery else ""


class EncodingThrottle:
    """Slows the encoder down by the user's choice or on battery, and speeds it up again."""

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

    @property
    def gentle(self) -> bool:
        """Whether encoding is slowed down now."""
        return bool(self._reason)

    def check(self) -> None:
        """Check the battery, and apply what follows."""
        with self._lock:
            battery = self._pace is Pace.AUTOMATIC and self._battery()
            reason = gentle_reason(self._pace, battery=battery)
            if reason != self._reason:
                self._reason = reason
                log.info("encoding %s", reason or "at full speed")
                self._apply(reason)

    def choose(self, pace: Pace) -> None:
        """Set the user's choice; it applies at once."""
        self._pace = pace
        self.check()
