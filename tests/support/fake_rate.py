"""Speaks for ``trainer encode-rate`` without a model, for tests of the app.

``FAKE_RATE`` (JSON) has the photos per second of each model; what it was asked for is noted in the
file named there as ``asked``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

from trainer.events import RateMeasured, to_line


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("models", nargs="+")
    parser.add_argument("--photos", nargs="+")
    parser.add_argument("--device")
    parser.add_argument("--nice", type=int)
    arguments = parser.parse_args()
    options = json.loads(os.environ.get("FAKE_RATE", "{}"))
    for name in arguments.models:
        with Path(options["asked"]).open("a", encoding="utf-8") as file:
            file.write(f"{name} {arguments.device} {len(arguments.photos)}\n")
        if name not in options:
            sys.exit(1)
        count = len(arguments.photos)
        sys.stdout.write(to_line(RateMeasured(name, count, count / options[name], "CPU")))
        sys.stdout.flush()
        time.sleep(options.get("pause", 0.5))


if __name__ == "__main__":
    main()
