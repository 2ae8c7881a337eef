from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from loopback_ssh import NAME, SUPPORT, FarComputer

from trainer.events import FarHello, to_line
from trainer.remote import PROTOCOL, machine
from trainer.remote.machine import SshMachine, checked_destination
from trainer.remote.report import commands, report, sentences
from trainer.remote.trouble import MachineError, Trouble

GOOD = [
    "other",
    "me@other",
    "first.last@gpu-1.example.org",
    "ssh://me@other:2222",
    "192.168.0.7",
    "me@fe80::1%eth0",
    "größe@haus",
    " other ",
]
BAD = [
    "",
    " ",
    "-oProxyCommand=touch x",
    "-l me",
    "me@-oProxyCommand=x",
    "other; touch x",
    "other$(touch x)",
    "other`x`",
    "a b",
    "other\n",
    "me@other|x",
    "'other'",
    "a" * 300,
    "me@at\u202etic",
    "ssh://-x",
]


@pytest.mark.parametrize("name", GOOD)
def test_what_ssh_takes_is_taken(name: str) -> None:
    assert SshMachine(name).destination == name.strip()


@pytest.mark.parametrize("name", [name for name in BAD if name != "other\n"])
def test_what_could_be_an_option_or_a_shells_is_refused(name: str) -> None:
    with pytest.raises(MachineError) as caught:
        checked_destination(name)
    assert caught.value.trouble is Trouble.BAD_NAME


def test_the_destination_follows_the_end_of_options_and_words_are_quoted() -> None:
    command = SshMachine("me@other").command("start", "a b'; touch x")
    assert command[-3:-1] == ["--", "me@other"]
    assert "BatchMode=yes" in command
    words = shlex.split(command[-1])
    assert words[-4:] == ["lmpt-trainer", "remote", "start", "a b'; touch x"]


def test_without_ssh_a_sentence_says_so() -> None:
    found = SshMachine("other", ("no-such-ssh",)).probe()
    assert found.trouble is Trouble.NO_SSH
    assert "OpenSSH" in report(found)


def test_the_other_computer_says_what_it_has(other: FarComputer) -> None:
    other.real_program(torch=True)
    found = SshMachine(NAME, other.ssh).probe()
    assert found.trouble is None, found
    assert found.machine is not None
    assert found.machine.free_bytes > 0
    said = report(found)
    assert "Reached." in said
    assert "GB of disk space is free" in said
    assert not commands(found)


def test_a_computer_without_lmpt_says_what_to_type_there(other: FarComputer) -> None:
    other.no_program()
    found = SshMachine(NAME, other.ssh).probe()
    assert found.trouble is Trouble.NO_TRAINER
    assert found.python.startswith("3.")
    assert "pip install lmpt-desktop" in report(found)


def test_a_version_of_before_says_that_it_is_too_old(other: FarComputer) -> None:
    old = (
        "import argparse; p = argparse.ArgumentParser(); "
        "p.add_argument('command', choices=['encode', 'fit']); p.parse_args()"
    )
    other.program(f'exec {shlex.join([sys.executable, "-c", old])} "$@"')
    assert SshMachine(NAME, other.ssh).probe().trouble is Trouble.TOO_OLD


@pytest.mark.parametrize(("change", "trouble"), [(-1, Trouble.TOO_OLD), (1, Trouble.TOO_NEW)])
def test_another_protocol_says_which_side_to_update(
    other: FarComputer, change: int, trouble: Trouble
) -> None:
    other.program(f"echo {shlex.quote(to_line(FarHello(PROTOCOL + change, '7')).strip())}")
    assert SshMachine(NAME, other.ssh).probe().trouble is trouble


def test_a_shell_that_greets_does_not_disturb(other: FarComputer) -> None:
    other.real_program(before="echo Welcome to the other; echo '{\"type\": 1}'")
    assert SshMachine(NAME, other.ssh).probe().trouble is None


@pytest.mark.parametrize(
    ("arguments", "trouble"),
    [
        (("-o", "IdentityFile=/dev/null", "-o", "IdentitiesOnly=yes"), Trouble.DENIED),
        (("-o", "UserKnownHostsFile=/dev/null"), Trouble.HOST_KEY),
        (("-o", "HostName=no-such-host.invalid"), Trouble.UNKNOWN_HOST),
        (("-o", "Port=1"), Trouble.UNREACHABLE),
    ],
)
def test_what_ssh_says_becomes_a_sentence(
    other: FarComputer, arguments: tuple[str, ...], trouble: Trouble, tmp_path: Path
) -> None:
    if trouble is Trouble.DENIED:
        key = tmp_path / "other"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        config = (other.folder / "config").read_text().replace(f"{other.folder}/user", str(key))
        (tmp_path / "config").write_text(config)
        ssh: tuple[str, ...] = ("ssh", "-F", str(tmp_path / "config"))
    else:
        ssh = (*other.ssh, *arguments)
    found = SshMachine(NAME, ssh).probe()
    assert found.trouble is trouble, found
    assert sentences(found) == [trouble.sentence]


def test_one_that_is_silent_is_given_up(
    other: FarComputer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "HELLO_SECONDS", 1.0)
    other.program("exec sleep 60")
    assert SshMachine(NAME, other.ssh).probe().trouble is Trouble.UNREACHABLE
    hello = shlex.quote(to_line(FarHello(PROTOCOL, "1")).strip())
    other.program(f"echo {hello}; exec sleep 60")
    monkeypatch.setattr(machine, "HELLO_SECONDS", 30.0)
    monkeypatch.setattr(machine, "PROBE_SECONDS", 0.5)
    assert SshMachine(NAME, other.ssh).probe().trouble is Trouble.SILENT


@pytest.mark.parametrize(
    ("mode", "trouble"),
    [("endless-line", Trouble.FLOOD), ("endless-errors", Trouble.OTHER)],
)
def test_endless_output_is_bounded(other: FarComputer, mode: str, trouble: Trouble) -> None:
    other.python(str(SUPPORT / "hostile_far_side.py"), mode)
    found = SshMachine(NAME, other.ssh).probe()
    assert found.trouble is trouble
    assert len(found.detail) < 10_000
    assert "\x1b" not in found.detail
