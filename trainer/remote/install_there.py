"""Installs LMPT Desktop on the other computer, where it is sent as text and run by what Python is
there: so it uses the standard library alone, and the language of Python 3.6.

It answers as ``lmpt-trainer remote`` does, in lines of JSON.  The wheel follows on stdin, which
stays open: when it ends, nobody wants the installation any more.
"""

import contextlib
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

OLDEST, NEWEST = (3, 11), (3, 14)
"""Of Python; a newer one is used only if there is no other."""
ALIVE_SECONDS = 5.0
LAST_LINES = 20
LONGEST, LONGEST_SAID = 300, 900
TELLING = ("Collecting ", "Downloading ", "Using cached ", "Installing collected packages")
"""How lines of pip begin that are worth showing."""
OFFLINE = (
    "name resolution",
    "newconnectionerror",
    "could not fetch",
    "could not find a version",
    "no matching distribution",
    "connection refused",
    "network is unreachable",
    "timed out",
)
NO_WINDOW = 0  # Windows is no such computer
_lock = threading.Lock()


class Refused(Exception):  # noqa: N818 (as what is said)
    def __init__(self, trouble, detail=""):
        super().__init__(detail)
        self.trouble = trouble


def say(kind, **fields):
    # When the connection is gone, stdin has ended, too.
    with _lock, contextlib.suppress(OSError):
        sys.stdout.write(json.dumps(dict(fields, type=kind)) + "\n")
        sys.stdout.flush()


def find_python():
    """The program to make the environment with."""
    here = sys.version_info[:2]
    if OLDEST <= here <= NEWEST:
        return sys.executable
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found:
            return found
    if here > NEWEST:
        return sys.executable
    raise Refused("old-python", f"Python {platform.python_version()}")


class Installation:
    """Into ``folder``, from a wheel of ``size`` bytes that comes on stdin."""

    def __init__(self, folder, name, size, needed):
        self.folder, self.name, self.size, self.needed = folder, name, size, needed
        self.python, self.scratch = folder / "bin" / "python", folder / "tmp"
        self.new = not folder.exists()
        self.running = None
        self.lock = threading.Lock()
        self.complete = False

    def run(self):
        python = find_python()
        place = self.folder.parent
        free = shutil.disk_usage(place).free
        if self.new and free < self.needed:
            raise Refused("no-space", f"{free / 1e9:.1f} GB free in {place}")
        self.scratch.mkdir(0o700, parents=True, exist_ok=True)
        wheel = self.receive()
        threading.Thread(target=self.watch, daemon=True).start()
        say("FarInstalling", step="environment")
        if not self.has_pip():
            code, said = self.call([python, "-m", "venv", str(self.folder)])
            if code:
                missing = "ensurepip" in said or "No module named venv" in said
                raise Refused("no-venv" if missing else "not-installed", said)
        say("FarInstalling", step="packages")
        pip = [str(self.python), "-m", "pip", "install", "--no-input", "--progress-bar", "off"]
        pip += ["--disable-pip-version-check", "--no-cache-dir"]
        # The same version may be there with other files; what it needs is not installed again.
        for words in ([wheel], ["--force-reinstall", "--no-deps", wheel]):
            code, said = self.call(pip + words)
            if code:
                raise Refused(self.reason(said), said)

    def has_pip(self):
        return (
            self.python.exists() and not self.call([str(self.python), "-m", "pip", "--version"])[0]
        )

    def receive(self):
        path = self.scratch / self.name
        left = self.size
        with path.open("wb") as file:
            while left:
                block = sys.stdin.buffer.read(min(left, 1 << 18))
                if not block:
                    self.undo()
                    os._exit(1)
                file.write(block)
                left -= len(block)
        return str(path)

    def call(self, command):
        """The exit code of a program, and the last lines it has written."""
        environment = dict(os.environ, LC_ALL="C", TMPDIR=str(self.scratch), PYTHONUNBUFFERED="1")
        for name in ("PYTHONPATH", "PYTHONHOME", "PIP_REQUIRE_VIRTUALENV", "PIP_USER"):
            environment.pop(name, None)
        self.running = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
            creationflags=NO_WINDOW,
        )
        last = []
        for line in self.running.stdout or ():
            text = line.decode("utf-8", "replace").strip()[:LONGEST]
            if text.startswith(TELLING):
                say("FarInstalling", step="packages", detail=text)
            last = [*last, text][-LAST_LINES:]
        return self.running.wait(), " | ".join(last)[-LONGEST_SAID:]

    def reason(self, said):
        said = said.lower()
        if "no space left" in said or "disk quota" in said:
            return "full"
        return "no-index" if any(text in said for text in OFFLINE) else "not-installed"

    def watch(self):
        """End everything when the connection ends."""
        while sys.stdin.buffer.read(1 << 16):
            pass
        self.undo()
        os._exit(1)

    def keep(self):
        """It is complete, and stays: who hears that ends the connection at once."""
        shutil.rmtree(self.scratch, ignore_errors=True)
        with self.lock:
            self.complete = True

    def undo(self):
        """Leave nothing of an environment that is not complete."""
        with self.lock:
            if self.complete:
                return
            running = self.running
            if running is not None and running.poll() is None:
                with contextlib.suppress(OSError):
                    assert sys.platform != "win32"
                    os.killpg(running.pid, signal.SIGKILL)
            shutil.rmtree(self.folder if self.new else self.scratch, ignore_errors=True)


def keep_alive(done):
    while not done.wait(ALIVE_SECONDS):
        say("FarAlive")


def main(protocol, name, size, needed):
    say("FarHello", protocol=protocol, version="")
    done = threading.Event()
    threading.Thread(target=keep_alive, args=(done,), daemon=True).start()
    work = Installation(Path.home() / ".lmpt-desktop", name, size, needed)
    try:
        work.run()
    except Refused as refused:
        work.undo()
        say("FarRefused", trouble=refused.trouble, detail=str(refused))
    except OSError as error:
        work.undo()
        full = error.errno in (27, 28, 69, 122)
        say("FarRefused", trouble="full" if full else "not-installed", detail=str(error))
    else:
        work.keep()
        say("FarInstalled")
    done.set()
    # The thread that waits for stdin would keep the process from ending.
    os._exit(0)
