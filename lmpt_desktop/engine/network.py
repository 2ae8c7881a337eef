"""Whether the hub that backbones come from can be reached (Qt-free)."""

from __future__ import annotations

import contextlib
import os
import socket
import urllib.request
from urllib.parse import urlsplit

_TIMEOUT_SECONDS = 3.0
_OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
_YES = frozenset({"1", "on", "yes", "true"})


def hub_is_reachable() -> bool:
    """Whether a connection to the hub, or to the proxy in front of it, can be made.

    The connection is closed at once: nothing is sent.  False where the user has set the hub's own
    variables to work offline.
    """
    if any(os.environ.get(name, "").lower() in _YES for name in _OFFLINE):
        return False
    hub = urlsplit(os.environ.get("HF_ENDPOINT", "https://huggingface.co"))
    proxies = urllib.request.getproxies()
    if hub.scheme in proxies and not urllib.request.proxy_bypass(hub.hostname or ""):
        proxy = proxies[hub.scheme]
        hub = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    port = hub.port or (80 if hub.scheme == "http" else 443)
    with contextlib.suppress(OSError):
        socket.create_connection((hub.hostname or "", port), _TIMEOUT_SECONDS).close()
        return True
    return False
