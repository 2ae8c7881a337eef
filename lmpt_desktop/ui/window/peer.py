"""Whose process is at the other end of a local socket."""

from __future__ import annotations

import os
import socket
import struct
import sys

_LINUX_CREDENTIALS = struct.Struct("3i")
"""``struct ucred``: process, user, group."""
_LOCAL_PEERCRED = 1
"""macOS and FreeBSD; Python has no name for it."""
_XUCRED = struct.Struct("2I")
"""The beginning of ``struct xucred``: version, user."""
_XUCRED_BYTES = 76


def peer_uid(descriptor: int) -> int | None:
    """The user id of the other end of a connected local socket; None on a system that does not
    tell it (Windows, where the pipe itself admits only its owner).

    Raises:
        OSError: if the system could tell and did not.
    """
    with socket.socket(fileno=os.dup(descriptor)) as connection:
        if sys.platform == "linux":
            found = connection.getsockopt(
                socket.SOL_SOCKET, socket.SO_PEERCRED, _LINUX_CREDENTIALS.size
            )
            return _LINUX_CREDENTIALS.unpack(found)[1]
        if sys.platform == "darwin" or "bsd" in sys.platform:
            found = connection.getsockopt(0, _LOCAL_PEERCRED, _XUCRED_BYTES)
            return _XUCRED.unpack(found[: _XUCRED.size])[1]
    return None


def is_own_user(descriptor: int) -> bool:
    """Whether the other end of a connected local socket belongs to this user, or cannot belong to
    another because the system admits only its owner."""
    if os.name == "nt":
        return True
    try:
        uid = peer_uid(descriptor)
    except OSError:
        return False
    return uid is None or uid == os.getuid()
