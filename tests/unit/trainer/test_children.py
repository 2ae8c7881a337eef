"""How child processes are started, from source and from an installer's folder."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from trainer import children, decode_worker, program

STARTS = re.compile(
    r"(subprocess\.)?Popen"
    r"|subprocess\.(run|call|check_call|check_output|getoutput|getstatusoutput)"
    r"|os\.(system|popen|spawn\w+|exec\w+|posix_spawnp?)"
    r"|asyncio\.create_subprocess_(exec|shell)"
)
"""What starts a process."""


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """As in an installer's folder; returns the folder."""
    app = tmp_path / "app" / "lmpt-desktop"
    app.parent.mkdir()
    app.touch()
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(app))
    return app.parent


def test_from_source_children_are_modules_of_this_python() -> None:
    assert children.trainer_command() == (sys.executable, "-m", "trainer")
    assert children.decode_worker_command() == (
        *(sys.executable, "-P", "-m", "trainer.decode_worker"),
    )


def test_in_an_installers_folder_children_are_the_trainer_beside(frozen: Path) -> None:
    trainer = str(frozen / "lmpt-trainer")
    assert children.trainer_command() == (trainer,)
    assert children.decode_worker_command() == (trainer, "decode-worker")


def test_windows_programs_keep_their_suffix(frozen: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(frozen / "lmpt-desktop.exe"))
    assert children.trainer_command() == (str(frozen / "lmpt-trainer.exe"),)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_in_the_search_path_leads_to_the_folder(
    frozen: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    link = tmp_path / "bin"
    link.symlink_to(frozen / "lmpt-desktop")
    monkeypatch.setattr(sys, "executable", str(link))
    assert children.trainer_command() == (str(frozen / "lmpt-trainer"),)


def test_the_trainers_program_is_a_decode_worker_too(monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[tuple[int, int]] = []
    monkeypatch.setattr(decode_worker, "main", lambda *given: limits.append(given))
    assert program.main(["decode-worker", "1000", "20"]) == 0
    assert limits == [(1000, 20)]


def test_the_trainers_program_is_the_trainer(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        program.main(["--help"])
    assert "lmpt-trainer" in capsys.readouterr().out


def test_a_decode_worker_loads_nothing_of_the_trainers() -> None:
    code = (
        "import io, sys\n"
        "sys.stdin = io.TextIOWrapper(io.BytesIO())\n"
        "from trainer.program import main\n"
        "main(['decode-worker', '1000000000', '20'])\n"
        "sys.exit(bool({'trainer.__main__', 'torch', 'msgspec', 'PySide6'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == b'{"ready": true}\n'


def test_no_process_opens_a_console_on_windows() -> None:
    """Every start of a process passes the flag, which only Windows reads."""
    root = Path(children.__file__).parents[1]
    starts, without = 0, []
    for path in [*(root / "trainer").rglob("*.py"), *(root / "lmpt_desktop").rglob("*.py")]:
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)) if STARTS.search(text) else ():
            if isinstance(node, ast.Call) and STARTS.fullmatch(ast.unparse(node.func)):
                starts += 1
                flags = [word.value for word in node.keywords if word.arg == "creationflags"]
                if [ast.unparse(flag) for flag in flags] != ["NO_WINDOW"]:
                    without.append(f"{path.relative_to(root)}:{node.lineno}")
    assert starts >= 5
    assert without == []
