"""kill -9 while many images are being changed: all that was acknowledged is there, whole."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import random_changes
from paper_library import open_session
from stored_annotations import annotations_in, marks_in, rebuilt

from lmpt_desktop.domain.records import BatchSummary
from lmpt_desktop.engine.session import LibrarySession

State = tuple[bytes, bytes, list[tuple]]


def state_of(session: LibrarySession) -> State:
    """What is stored, what is reviewed, and what can be undone (without ids and times)."""
    stack: list[BatchSummary] = session.annotations.history()
    return (
        session.snapshot().annotations.tobytes(),
        session.snapshot().reviewed.tobytes(),
        [(item.action, item.label, item.images, item.changes, item.done) for item in stack],
    )


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_what_was_acknowledged_outlives_kill_9_and_can_be_undone(seed: int, tmp_path: Path) -> None:
    library = tmp_path / "library"
    open_session(library, random_changes.IMAGES, random_changes.NAMES).close()
    program = subprocess.Popen(
        [sys.executable, random_changes.__file__, str(library), str(seed)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    acknowledged = -1
    delay = random.Random(seed).uniform(0.0, 0.06)
    for line in program.stdout:
        acknowledged = int(line)
        if acknowledged == 8 + 3 * seed:
            # In the midst of the next change, or of the one after it.
            threading.Timer(delay, program.kill).start()
    assert program.wait() == -signal.SIGKILL

    reached: dict[int, State] = {}
    with open_session(tmp_path / "other", random_changes.IMAGES, random_changes.NAMES) as other:
        for number in random_changes.changes(other, seed):
            if number >= acknowledged:
                reached[number] = state_of(other)
            if number == acknowledged + 1:
                break

    with open_session(library) as session:
        found = state_of(session)
        assert found in reached.values(), "neither before nor after the change that was killed"
        catalogue = session.catalogue
        assert rebuilt(catalogue) == annotations_in(catalogue) | marks_in(catalogue)
        for item in reversed([item for item in session.annotations.history() if item.done]):
            assert session.annotations.undo(item.id).skipped == 0
        assert (
            session.snapshot().annotations == -1
        ).all() and not session.snapshot().reviewed.any()
        snapshot = session.snapshot()
        matrix = catalogue.annotations.matrix(snapshot.image_ids, snapshot.class_ids)
        assert np.array_equal(matrix, snapshot.annotations)
