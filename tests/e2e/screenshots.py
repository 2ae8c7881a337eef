"""Pictures of every page and dialog: the real app, the real backbone, real photos.

``python tests/e2e/screenshots.py PHOTOS OUT`` opens the folder PHOTOS, waits until every photo
has been encoded, and writes a PNG of each scene of ``scenes.py`` to the folder OUT, in light
and dark.  ``--scale 1.5`` draws them as on a screen set to 150 %, ``--language de`` in German,
``--only window,review`` makes some of them.  With ``--home FOLDER`` what the app knows is kept
there, so that the next call need not encode the photos again; else it is deleted.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

SCREEN = (1920, 1080)
THEMES = ("light", "dark")


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("photos", type=Path, help="a folder of photos; they are only read")
    parser.add_argument("out", type=Path, help="where the pictures go")
    parser.add_argument("--home", type=Path, help="keep the library here")
    parser.add_argument("--only", default="", help="scenes, separated by commas")
    parser.add_argument("--themes", default=",".join(THEMES), help="light, dark or both")
    parser.add_argument("--language", default="en")
    parser.add_argument("--scale", type=float, default=1.0, help="1.5 for a screen at 150 %%")
    parser.add_argument("--size", default="", help="of the window, e.g. 1360x850")
    return parser.parse_args(given)


def offscreen(home: Path, scale: float) -> None:
    """A screen that nobody sees, of a usual size; must come before Qt starts."""
    screen = home / "screen.json"
    width, height = SCREEN
    screen.write_text(
        json.dumps({"screens": [{"name": "one", "x": 0, "y": 0, "width": width, "height": height,
                                 "logicalDpi": 96, "logicalBaseDpi": 96, "dpr": 1}]})
    )  # fmt: skip
    os.environ.setdefault("QT_QPA_PLATFORM", f"offscreen:configfile={screen}")
    os.environ["QT_SCALE_FACTOR"] = str(scale)
    os.environ["LMPT_DESKTOP_HOME"] = str(home)


def main() -> None:
    args = arguments()
    args.out.mkdir(parents=True, exist_ok=True)
    size = args.size or ("1360x850" if args.scale == 1 else "1280x720")
    with tempfile.TemporaryDirectory() as thrown_away:
        home = args.home or Path(thrown_away)
        home.mkdir(parents=True, exist_ok=True)
        offscreen(home, args.scale)
        from scenes import Studio  # the screen is chosen first

        width, height = (int(part) for part in size.split("x"))
        studio = Studio(args.out, args.themes.split(","), args.language)
        studio.play(args.photos, (width, height), set(filter(None, args.only.split(","))))


if __name__ == "__main__":
    main()
