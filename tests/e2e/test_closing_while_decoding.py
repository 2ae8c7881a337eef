"""The program ends although its decoders hang, and leaves no process behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
from PIL import Image

SUPPORT = Path(__file__).parents[1] / "support"


def test_the_window_closes_while_decoders_hang(tmp_path: Path) -> None:
    """The deadline of the decoders is ten minutes here: nothing but closing ends them."""
    photos = tmp_path / "photos"
    for number in range(4):
        (photos / str(number)).mkdir(parents=True)
        picture = Image.effect_noise((64, 48), 20 + number).convert("RGB")
        picture.save(photos / str(number) / "hangs.png")
    library = tmp_path / "library"
    library.mkdir()
    home = tmp_path / "home"
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(SUPPORT.parents[1]), str(SUPPORT)]),
        "HOME": str(home),
        **{f"XDG_{name}_HOME": str(home / name) for name in ("CONFIG", "DATA", "CACHE", "STATE")},
    }
    done = subprocess.run(
        [sys.executable, str(SUPPORT / "window_with_odd_decoder.py"), str(library), str(photos)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    workers, (code, seconds) = (json.loads(line) for line in done.stdout.splitlines())
    print(f"closing took {seconds:.2f} s")
    assert code == 0
    assert len(workers) == 2
    assert not any(psutil.pid_exists(pid) for pid in workers)
