"""kill -9 while classes are being merged and taken apart: it is done, or it is not."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import merge_forever
import pytest
from paper_library import open_session

from lmpt_desktop.domain.records import Verdict

COUNT = 400


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_merge_is_whole_or_not_at_all(seed: int, tmp_path: Path) -> None:
    library = tmp_path / "library"
    every = range(1, COUNT + 1)
    with open_session(library, COUNT, ("dog", "puppy")) as session:
        dog, puppy = (entry.id for entry in session.snapshot().classes)
        session.annotations.annotate(every, [puppy], Verdict.PRESENT)
        session.annotations.annotate(every[::2], [dog], Verdict.ABSENT)
    program = subprocess.Popen(
        [sys.executable, merge_forever.__file__, str(library)], stdout=subprocess.PIPE, text=True
    )
    assert program.stdout is not None
    delay = random.Random(seed).uniform(0.0, 0.2)
    for line in program.stdout:
        if line == "merged\n":
            threading.Timer(delay, program.kill).start()
            break
    program.stdout.read()
    assert program.wait() == -signal.SIGKILL

    with open_session(library) as session:
        merged = [entry.name for entry in session.snapshot().classes] == ["dog"]
        images, _ids, verdicts = session.catalogue.annotations.of_classes([dog])
        assert len(images) == (COUNT if merged else COUNT // 2)
        assert set(verdicts.tolist()) == {1 if merged else 0}
        kept, _ids, stored = session.catalogue.annotations.of_classes([puppy])
        assert len(kept) == COUNT and stored.all()
        # What can be undone is what is there.
        steps = [item for item in session.annotations.history() if item.action == "vocabulary"]
        assert [item.done for item in steps].count(True) == merged
