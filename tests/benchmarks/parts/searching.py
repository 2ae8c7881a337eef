"""What a search costs once its words are read: ``python parts/searching.py IMAGES``.

``search_figures.py`` does the measuring; here it is a part of ``scale.py``.
"""

from __future__ import annotations

import json
import sys

from parts.figures import row
from search_figures import search_figures


def main(images: int) -> None:
    rows = [
        row(name, figure["value"], figure["unit"], figure["budget"], figure["better"])
        for name, figure in search_figures(images).items()
    ]
    print("\n" + json.dumps(rows), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
