"""A guard in every Python process that has this folder on its path: no network.

An attempt to connect to anything but a socket of this computer's files, or to look up a name, fails
and is written to the file that ``NETWORK_ATTEMPTS`` names.
"""

from __future__ import annotations

import os
import socket
import sys
from typing import Any, NoReturn


def _refuse(what: str, place: object) -> NoReturn:
    with open(os.environ["NETWORK_ATTEMPTS"], "a", encoding="utf-8") as file:  # noqa: PTH123
        file.write(f"{what} {place!r} by {sys.argv}\n")
    raise OSError(f"the test has no network: {what} {place!r}")


def install() -> None:
    """Put the guard in place for this process."""

    class GuardedSocket(socket.socket):
        def connect(self, address: Any) -> None:
            if self.family in (socket.AF_INET, socket.AF_INET6):
                _refuse("connect", address)
            super().connect(address)

        def connect_ex(self, address: Any) -> int:
            if self.family in (socket.AF_INET, socket.AF_INET6):
                _refuse("connect", address)
            return super().connect_ex(address)

        def sendto(self, *arguments: Any) -> int:
            if self.family in (socket.AF_INET, socket.AF_INET6):
                _refuse("send", arguments[-1])
            return super().sendto(*arguments)

    def lookup(host: object, *_args: object, **_options: object) -> NoReturn:
        _refuse("look up", host)

    socket.socket = GuardedSocket  # type: ignore[misc]
    socket.getaddrinfo = lookup  # type: ignore[assignment]
    socket.gethostbyname = lookup  # type: ignore[assignment]


if os.environ.get("NETWORK_ATTEMPTS"):
    install()
