"""Answers as another computer that means no good, or is broken: ``hostile_far_side.py MODE remote
ACTION ...``.  Every mode but the first few has a run that has ended with a result to fetch.
"""

from __future__ import annotations

import io
import itertools
import os
import sys
import tarfile
from pathlib import Path

from trainer.events import (
    FarEnded,
    FarHello,
    FarStarted,
    FitFinished,
    FitProgress,
    Message,
    to_line,
)
from trainer.remote import PROTOCOL
from trainer.remote.streams import RESULT_FILES


def say(message: Message) -> None:
    sys.stdout.write(to_line(message))
    sys.stdout.flush()


def regular(name: str, data: bytes = b"{}") -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    return member, data


def special(name: str, kind: bytes, link: str = "") -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, link
    return member, b""


def members(mode: str) -> list[tuple[tarfile.TarInfo, bytes]]:
    name = next(iter(RESULT_FILES))
    return {
        "outside": [regular("../outside")],
        "absolute": [regular("/tmp/outside")],
        "link": [special(name, tarfile.SYMTYPE, "/etc/passwd")],
        "hard-link": [special(name, tarfile.LNKTYPE, "prompt_set.json")],
        "device": [special(name, tarfile.CHRTYPE)],
        "folder": [special(name, tarfile.DIRTYPE)],
        "twice": [regular(name), regular(name)],
        "unwanted": [regular("job.json")],
        "extended": [special(name, tarfile.XHDTYPE)],
        "not-valid": [regular(item) for item in RESULT_FILES],
    }[mode]


def send(mode: str) -> None:
    if mode == "huge":
        member = tarfile.TarInfo(next(iter(RESULT_FILES)))
        member.size = 10**15
        sys.stdout.buffer.write(member.tobuf(tarfile.GNU_FORMAT))
        return
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for member, data in members(mode):
            archive.addfile(member, io.BytesIO(data))
    sys.stdout.buffer.write(made.getvalue())


def main() -> None:
    mode, action = sys.argv[1], sys.argv[3]
    if mode == "endless-line":
        while True:
            os.write(1, b"x" * (1 << 20))
    if mode == "endless-errors":
        os.write(2, (b"\x1b]0;owned\x07" + b"y" * 1000) * 2000)
        sys.exit(1)
    say(FarHello(PROTOCOL, "9.9.9\x1b[31m"))
    if action in ("start", "attach"):
        sys.stdin.buffer.read()
        say(FarStarted())
        if mode == "endless-events":
            for step in itertools.count():
                say(FitProgress(step, 10**9, 1.0, 1.0, 1.0, 1.0))
        say(FitFinished(str(Path("/etc")), 1.0, False))
        say(FarEnded(True, False, "\x1b[31m" * 100))
    elif action == "fetch":
        say(FarEnded(True, False, ""))
        send(mode)


if __name__ == "__main__":
    main()
