"""A real sshd on loopback, run by whoever runs the tests, and "another computer" behind it.

The other computer is a folder with a home and a program ``lmpt-trainer`` of its own, which tests
can replace.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
SSH = shutil.which("ssh")
ROOT = Path(__file__).parents[2]
SUPPORT = Path(__file__).parent
NAME = "other"
"""Its entry in the ssh configuration, as the user would have one."""


def missing() -> str:
    """Why there can be no sshd here, "" if there can."""
    if os.name != "posix":
        return "sshd is run on POSIX only"
    if SSHD is None or SSH is None or shutil.which("ssh-keygen") is None:
        return "sshd is not installed (Debian: openssh-server)"
    return ""


@dataclass(frozen=True)
class FarComputer:
    """The other computer, and how to reach it."""

    folder: Path
    ssh: tuple[str, ...]
    """The client with this server's configuration."""

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def jobs(self) -> Path:
        """Where jobs lie there."""
        return self.folder / "jobs"

    @property
    def path(self) -> Path:
        """A folder with an ``ssh`` that knows this server, for the front of PATH."""
        return self.folder / "client"

    def program(self, script: str) -> None:
        """Have ``lmpt-trainer`` there be a shell script."""
        program = self.home / ".lmpt-desktop" / "bin" / "lmpt-trainer"
        program.parent.mkdir(parents=True, exist_ok=True)
        new = program.with_name("new")
        new.write_text(f"#!/bin/sh\n{script}\n")
        new.chmod(0o700)
        new.replace(program)

    def real_program(self, before: str = "", fit: str = "", *, torch: bool = False) -> None:
        """The real program; ``before``: shell text before it; ``fit``: a script instead of fit;
        ``torch``: a probe waits until that is loaded."""
        machine = "far_side._machine = lambda: FarMachine('3.11', 'CPU', 0, 2, 10**9); "
        main = (
            "import sys; from trainer.remote import far_side; "
            "from trainer.events import FarMachine; "
            + (f"far_side.FIT = (sys.executable, {fit!r}); " if fit else "")
            + ("" if torch else machine)
            + "far_side.ALIVE_SECONDS = 0.5; from trainer.__main__ import main; sys.exit(main())"
        )
        jobs = f"export LMPT_TRAINER_JOBS={shlex.quote(str(self.jobs))}"
        self.python("-P", "-c", main, before=f"{jobs}\n{before}")

    def python(self, *arguments: str, before: str = "") -> None:
        """A Python program that finds ours; ``before``: shell text before it."""
        found = f"export PYTHONPATH={shlex.quote(f'{ROOT}:{SUPPORT}')}"
        python = shlex.join([sys.executable, *arguments])
        self.program(f'{found}\n{before}\nexec {python} "$@"')

    def connections(self) -> list[psutil.Process]:
        """Each ssh that runs."""
        return [
            process
            for process in psutil.process_iter(["cmdline", "status"])
            if process.info["status"] != psutil.STATUS_ZOMBIE
            and f"{self.folder}/config" in (process.info["cmdline"] or ())
        ]

    def no_program(self) -> None:
        (self.home / ".lmpt-desktop" / "bin" / "lmpt-trainer").unlink(missing_ok=True)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[FarComputer]:
    """Run sshd with keys and configuration in ``folder``, a short path."""
    assert SSHD is not None and SSH is not None
    for name in ("host", "user"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True
        )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd's, which a container may lack
    home = folder / "home"
    home.mkdir()
    port = _free_port()
    (folder / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile none\n"
        f"AuthorizedKeysFile {folder}/user.pub\nStrictModes no\nUsePAM no\n"
        "PasswordAuthentication no\nPermitRootLogin prohibit-password\nMaxStartups 100\n"
        f"SetEnv HOME={home} PATH=/usr/bin:/bin\n"
    )
    host = (folder / "host.pub").read_text().split()
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {host[0]} {host[1]}\n")
    (folder / "config").write_text(
        f"Host {NAME}\n  HostName 127.0.0.1\n  Port {port}\n  User {getpass.getuser()}\n"
        f"  IdentityFile {folder}/user\n  IdentitiesOnly yes\n"
        f"Host *\n  UserKnownHostsFile {folder}/known_hosts\n  GlobalKnownHostsFile /dev/null\n"
    )
    client = folder / "client"
    client.mkdir()
    script = client / "ssh"
    script.write_text(f'#!/bin/sh\nexec {SSH} -F {folder}/config "$@"\n')
    script.chmod(0o700)
    log = folder / "sshd.log"
    with log.open("ab") as output:
        server = subprocess.Popen(
            [SSHD, "-D", "-e", "-f", str(folder / "sshd_config")], stderr=output
        )
    try:
        deadline = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            assert server.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)
        yield FarComputer(folder, (str(script),))
    finally:
        server.kill()
        server.wait()
