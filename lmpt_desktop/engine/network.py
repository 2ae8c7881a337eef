"""Whether this computer has a network, as far as it knows without using it (Qt-free).

The app goes online only when the user asks for it, so that nobody is asked: no connection is made,
no name is looked up.
"""

from __future__ import annotations

import ipaddress
import os
import socket

_OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
_YES = frozenset({"1", "on", "yes", "true"})


def may_be_online() -> bool:
    """Whether an interface other than the computer's own is up and has an address.

    False where the user has set the hub's own variables to work offline.  True is no promise: what
    is downloaded then, at the user's word, may still fail.
    """
    if any(os.environ.get(name, "").lower() in _YES for name in _OFFLINE):
        return False
    import psutil  # noqa: PLC0415 - not needed to open a window

    states = psutil.net_if_stats()
    return any(
        name in states and states[name].isup and any(map(_leads_out, addresses))
        for name, addresses in psutil.net_if_addrs().items()
    )


def _leads_out(address: object) -> bool:
    """Whether an address of psutil's is one of a network: neither loopback nor self-assigned."""
    if getattr(address, "family", None) not in (socket.AF_INET, socket.AF_INET6):
        return False
    try:
        found = ipaddress.ip_address(str(getattr(address, "address", "")).partition("%")[0])
    except ValueError:
        return False
    return not (found.is_loopback or found.is_link_local or found.is_unspecified)
