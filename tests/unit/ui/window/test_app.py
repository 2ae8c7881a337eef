from __future__ import annotations

import subprocess
import sys


def test_importing_the_app_loads_nothing_heavy_that_the_window_does_not_need() -> None:
    code = (
        "import sys, lmpt_desktop.app\n"
        "heavy = {'torch', 'open_clip', 'timm', 'sklearn', 'scipy', 'pyqtgraph', 'skimage', "
        "'alembic'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "[]"
