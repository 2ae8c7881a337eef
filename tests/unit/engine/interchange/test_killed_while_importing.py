"""kill -9 while annotations are being imported: class and annotations are there, or neither."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import import_forever
import numpy as np
import pytest
from paper_library import open_session
from stored_annotations import annotations_in, marks_in, rebuilt

COUNT = 300


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_an_import_is_whole_or_not_at_all(seed: int, tmp_path: Path) -> None:
    library = tmp_path / "library"
    with open_session(library, COUNT):
        pass
    program = subprocess.Popen(
        [sys.executable, import_forever.__file__, str(library)], stdout=subprocess.PIPE, text=True
    )
    assert program.stdout is not None
    delay = random.Random(seed).uniform(0.0, 0.5)
    for line in program.stdout:
        if line == "imported\n":
            threading.Timer(delay, program.kill).start()
            break
    printed = 1 + program.stdout.read().count("imported\n")
    assert program.wait() == -signal.SIGKILL

    with open_session(library) as session:
        snapshot = session.snapshot()
        assert len(snapshot.classes) in (printed, printed + 1)
        present = (snapshot.annotations == 1).sum(axis=0)
        assert present.tolist() == [import_forever.LISTED] * len(snapshot.classes)
        assert not (snapshot.annotations < 0).any()
        assert len(session.annotations.history()) == len(snapshot.classes)
        assert rebuilt(session.catalogue) == annotations_in(session.catalogue) | marks_in(
            session.catalogue
        )
        last = session.annotations.history()[-1]
        session.annotations.undo(last.id)
        assert session.imports.unused_classes(last.id) == [snapshot.classes[-1]]
        assert np.all(session.snapshot().annotations[:, -1] == -1)
