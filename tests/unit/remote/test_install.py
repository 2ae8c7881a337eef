"""Installing this program on another computer, from here."""

from __future__ import annotations

import contextlib
import shlex
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest
from loopback_ssh import NAME, FarComputer

from trainer.remote import command, install, install_there, own_wheel
from trainer.remote.install import Installation, InstallationCancelled, Step, can_install
from trainer.remote.machine import Found, SshMachine
from trainer.remote.own_wheel import NoWheelError
from trainer.remote.trouble import MachineError, Trouble

Told = list[tuple[Step, str]]


@pytest.fixture
def bare(other: FarComputer) -> Iterator[FarComputer]:
    """The other computer with Python and nothing of ours."""
    other.no_program()
    environment = other.home / ".lmpt-desktop"
    with contextlib.suppress(OSError):
        (environment / "bin").rmdir()
        environment.rmdir()
    python(other, f'exec {shlex.quote(sys.executable)} "$@"')
    yield other
    for path in sorted(environment.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    if environment.exists():
        environment.rmdir()
    (other.home / ".local" / "bin" / "python3").unlink()


def python(other: FarComputer, script: str) -> None:
    """Have ``python3`` there be a shell script."""
    program(other.home / ".local" / "bin" / "python3", script)


def pip(other: FarComputer, script: str) -> None:
    """Have an environment there whose pip is a shell script."""
    program(
        other.home / ".lmpt-desktop" / "bin" / "python",
        f'[ "$3" = --version ] && exit 0\n{script}',
    )


def program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # which may be a link to Python itself
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel with nothing in it, and no wish for space."""

    def write(folder: Path) -> Path:
        path = folder / "lmpt_desktop-0-py3-none-any.whl"
        path.write_bytes(b"wheel" * 100_000)
        return path

    monkeypatch.setattr(own_wheel, "write", write)
    monkeypatch.setattr(install, "NEEDED_BYTES", 0)


def installed(other: FarComputer) -> Told:
    """Install; returns what was told meanwhile."""
    told: Told = []
    Installation(SshMachine(NAME, other.ssh), lambda *step: told.append(step)).run()
    return told


def refusal(other: FarComputer) -> MachineError:
    with pytest.raises(MachineError) as caught:
        installed(other)
    return caught.value


def test_the_wheel_is_this_program(tmp_path: Path) -> None:
    path = own_wheel.write(tmp_path)
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        record = next(name for name in names if name.endswith("/RECORD"))
        said = [line.split('"')[1] for line in archive.read(record).decode().splitlines()]
        assert sorted(said) == sorted(names)
        archive.extractall(tmp_path, [name for name in names if ".dist-info/" in name])
    assert {"trainer/fit.py", "lmpt_desktop/_resources/vocabularies/everyday.txt"} <= set(names)
    assert any(name.startswith("lmpt_desktop/_resources/models/") for name in names)
    assert not [name for name in names if name.endswith(".pyc")]
    described = PathDistribution(tmp_path / Path(record).parent)
    assert described.metadata["Name"] == "lmpt-desktop"
    assert {entry.name for entry in described.entry_points} == {"lmpt-desktop", "lmpt-trainer"}


def test_a_bare_copy_of_the_files_makes_no_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_wheel, "DISTRIBUTION", "lmpt-desktop-that-is-not-installed")
    with pytest.raises(NoWheelError):
        own_wheel.write(tmp_path)


def test_what_is_missing_there_is_installed(
    bare: FarComputer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the real venv and pip; what the program needs is not downloaded."""
    monkeypatch.setattr(install, "NEEDED_BYTES", 0)
    settings = bare.home / ".config" / "pip" / "pip.conf"
    settings.parent.mkdir(parents=True)
    settings.write_text("[install]\nno-deps = true\nno-index = true\nno-compile = true\n")
    told = installed(bare)
    assert [step for step, detail in told if not detail] == list(Step)
    home = bare.home / ".lmpt-desktop"
    assert (home / "bin" / "lmpt-trainer").is_file()
    assert not (home / "tmp").exists()
    [package] = home.glob("lib/*/site-packages/trainer/remote/install_there.py")
    assert package.read_text() == Path(install.install_there.__file__).read_text()


def test_what_is_complete_stays_when_the_connection_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends as soon as this side has heard, perhaps before the program there has ended."""
    made: list[install_there.Installation] = []

    def run(work: install_there.Installation) -> None:
        made.append(work)
        (work.folder / "bin").mkdir(parents=True)

    def say(kind: str, **_fields: object) -> None:
        if kind == "FarInstalled":
            made[0].undo()  # as the thread does that waits for stdin's end

    def leave(code: int) -> None:
        raise SystemExit(code)

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(install_there.Installation, "run", run)
    monkeypatch.setattr(install_there, "say", say)
    monkeypatch.setattr(install_there.os, "_exit", leave)
    with pytest.raises(SystemExit, match="0"):
        install_there.main(1, "x.whl", 0, 0)
    assert (tmp_path / ".lmpt-desktop" / "bin").is_dir()


@pytest.mark.usefixtures("small")
def test_the_wheel_arrives_and_pip_is_heard(bare: FarComputer) -> None:
    pip(
        bare,
        'for last; do :; done; [ "$(wc -c <"$last")" = 500000 ] || exit 1\n'
        "echo 'Downloading torch-2.whl (900 MB)'; echo other",
    )
    told = installed(bare)
    assert (Step.PACKAGES, "Downloading torch-2.whl (900 MB)") in told
    assert not [detail for _, detail in told if detail == "other"]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("script", "trouble"),
    [
        ("echo 'ERROR: [Errno 28] No space left on device'; exit 1", Trouble.FULL),
        ("echo 'Temporary failure in name resolution'; exit 1", Trouble.NO_INDEX),
        ("echo 'ERROR: something else'; exit 2", Trouble.NOT_INSTALLED),
    ],
)
def test_what_pip_says_becomes_a_sentence(bare: FarComputer, script: str, trouble: Trouble) -> None:
    pip(bare, script)
    error = refusal(bare)
    assert error.trouble is trouble
    assert error.detail
    assert (bare.home / ".lmpt-desktop" / "bin").is_dir(), "it was there before"


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("script", "trouble"),
    [
        ("echo env: python3: not found >&2; exit 127", Trouble.NO_PYTHON),
        # A Python of before, of which only this is asked.
        (
            f"PATH=/nowhere exec {shlex.quote(sys.executable)} -c "
            "\"import sys; sys.version_info = (3, 9, 2); sys.argv = ['']\n$2\"",
            Trouble.OLD_PYTHON,
        ),
    ],
)
def test_without_a_python_that_will_do_nothing_is_installed(
    bare: FarComputer, script: str, trouble: Trouble
) -> None:
    python(bare, script)
    assert refusal(bare).trouble is trouble
    assert not (bare.home / ".lmpt-desktop").exists()


@pytest.mark.usefixtures("small")
def test_a_disk_that_is_too_full_is_left_alone(
    bare: FarComputer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install, "NEEDED_BYTES", 10**18)
    error = refusal(bare)
    assert error.trouble is Trouble.NO_SPACE
    assert "GB free" in error.detail
    assert not (bare.home / ".lmpt-desktop").exists()


@pytest.mark.usefixtures("small")
def test_without_venv_it_says_what_to_install(bare: FarComputer) -> None:
    python(
        bare,
        f'[ "$2" = venv ] && echo ensurepip is not available && exit 1\n'
        f"exec {shlex.quote(sys.executable)} -c \"import sys; sys.executable = '$0'\n$2\"",
    )
    assert refusal(bare).trouble is Trouble.NO_VENV
    assert not (bare.home / ".lmpt-desktop").exists()


@pytest.mark.usefixtures("small")
def test_cancelling_ends_pip_and_leaves_nothing(bare: FarComputer) -> None:
    """While an environment is made, which stands here for all that takes long."""
    begun = bare.folder / "begun"
    python(
        bare,
        f'[ "$2" = venv ] && mkdir -p "$3" && echo $$ >{begun} && exec sleep 60\n'
        f"exec {shlex.quote(sys.executable)} -c \"import sys; sys.executable = '$0'\n$2\"",
    )
    work = Installation(SshMachine(NAME, bare.ssh), lambda *_: None)
    ended: list[BaseException] = []

    def run() -> None:
        try:
            work.run()
        except BaseException as error:
            ended.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    wait(lambda: begun.exists() and begun.read_text().strip() != "")
    work.cancel()
    thread.join(30)
    assert [type(error) for error in ended] == [InstallationCancelled]
    wait(lambda: not (bare.home / ".lmpt-desktop").exists())
    wait(lambda: not Path(f"/proc/{begun.read_text().strip()}").exists())


def wait(condition: object) -> None:
    assert callable(condition)
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("found", "offered"),
    [
        (Found(Trouble.NO_TRAINER, python="3.11.2"), True),
        (Found(Trouble.NO_TRAINER), False),
        (Found(Trouble.TOO_OLD), True),
        (Found(Trouble.TOO_NEW), False),
        (Found(Trouble.DENIED), False),
    ],
)
def test_it_is_offered_where_it_helps(found: Found, offered: bool) -> None:
    assert can_install(found) is offered


def test_the_command_says_what_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(self: Installation) -> None:
        self._progress(Step.SENDING, "")
        self._progress(Step.PACKAGES, "Downloading torch")

    monkeypatch.setattr(Installation, "run", run)
    assert command._install("other") == 0
    assert capsys.readouterr().out.splitlines() == [
        Step.SENDING.sentence,
        "Downloading torch",
        install.INSTALLED,
    ]
    assert command._install("-oProxyCommand=x") == 1
    assert Trouble.BAD_NAME.sentence in capsys.readouterr().err
