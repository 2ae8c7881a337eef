"""Compile the tests as pytest does, with asserts that explain themselves.

Usage: compiled_tests.py FOLDER...

In a new checkout each of pytest's workers would do this for every file, all at the same time; so
it is done once, before they begin.  It asks pytest for what only pytest knows: where a newer one
does it differently, nothing is done here and the workers do it.
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import SimpleNamespace

from _pytest.assertion import rewrite

PROCESSES = 2


def sources(folder: Path) -> list[Path]:
    """The files in which pytest rewrites asserts."""
    return sorted([*folder.rglob("test_*.py"), *folder.rglob("conftest.py")])


def compile_test(source: Path) -> bool:
    """Whether ``source`` was compiled; one that is compiled already is left as it is."""
    folder = rewrite.get_cache_dir(source)
    compiled = folder / (source.stem + rewrite.PYC_TAIL)
    if rewrite._read_pyc(source, compiled) is not None:
        return False
    folder.mkdir(parents=True, exist_ok=True)
    config = SimpleNamespace(getini=lambda _name: False)
    state = SimpleNamespace(trace=lambda _text: None)
    found, code = rewrite._rewrite_test(source, config)
    return rewrite._write_pyc(state, code, found, compiled)


def main(folders: list[Path]) -> int:
    """Returns how many files were compiled."""
    files = [source for folder in folders for source in sources(folder.absolute())]
    try:
        with ProcessPoolExecutor(PROCESSES) as pool:
            return sum(pool.map(compile_test, files, chunksize=16))
    except (AttributeError, TypeError, ValueError) as error:
        print(f"The tests are not compiled beforehand: {error!r}", file=sys.stderr)
        return 0


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
