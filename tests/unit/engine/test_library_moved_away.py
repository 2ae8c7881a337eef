"""No act of an open library makes its folder anew at the place from which it was moved away."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lmpt_desktop.catalogue import RunState, backups
from lmpt_desktop.catalogue.errors import CatalogueError
from lmpt_desktop.engine.encoding.encoder import EncoderError
from lmpt_desktop.engine.session import LibrarySession

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows does not move open folders")
Until = Callable[[Callable[[], object]], None]

GONE = "no longer where it was opened"


def encode(session: LibrarySession) -> None:
    asked = session.model.encode_words(["boat"])
    assert asked is not None
    asked[1].result(30)


def test_every_act_is_refused_with_a_sentence_and_makes_nothing(
    reviewed_session: LibrarySession, trained_version: int, tmp_path: Path, until: Until
) -> None:
    session, library = reviewed_session, reviewed_session.library_folder
    session.versions.export(trained_version, tmp_path / "version.zip")
    side_file = tmp_path / "photos" / "dog_1.jpg.xmp"
    side_file.write_bytes(
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta>'
    )
    preview = session.side_files.preview()
    # The encoder that runs has its folder; the next one would make it.
    session.model.set_gentle("a test")
    library.rename(tmp_path / "away")
    acts: dict[str, Callable[[], object]] = {
        "retraining": session.training.start,
        "import": lambda: session.versions.import_from(tmp_path / "version.zip"),
        "backup": lambda: backups.back_up(library / "catalogue.sqlite", "daily"),
        "folder": lambda: session.catalogue.make_folder("encode", "1"),
        "side files": lambda: session.side_files.write(preview),
        "text": lambda: encode(session),
    }
    for name, act in acts.items():
        with pytest.raises((CatalogueError, EncoderError, FileNotFoundError)) as refused:
            act()
        assert GONE in str(refused.value) or name == "backup"
        assert not library.exists(), name
    (tmp_path / "away").rename(library)
    session.model.resume()
    encode(session)


def test_a_run_whose_library_is_moved_away_makes_no_new_one(
    reviewed_session: LibrarySession, monkeypatch: pytest.MonkeyPatch, until: Until
) -> None:
    session, library = reviewed_session, reviewed_session.library_folder
    monkeypatch.setenv("FAKE_FIT", json.dumps({"steps": 20, "seconds_per_step": 0.05}))
    session.training.start()
    until(lambda: len((session.training.current_run() or pytest.fail("no run")).events) > 2)
    away = library.with_name("away")
    library.rename(away)
    until(lambda: not session.training.preflight().refusals)
    assert not library.exists()
    run = session.training.current_run()
    assert run is not None and run.state is RunState.FAILED and GONE in run.message


def test_what_replaced_a_moved_library_gets_no_folders(reviewed_session: LibrarySession) -> None:
    session, library = reviewed_session, reviewed_session.library_folder
    away = library.with_name("away")
    library.rename(away)
    library.mkdir()
    with pytest.raises(CatalogueError, match=GONE):
        session.catalogue.make_folder("jobs")
    session.catalogue._store._engine.dispose()  # or a connection that is open reads on
    with pytest.raises(CatalogueError, match=GONE):
        session.catalogue.folders.all()
    assert not list(library.iterdir())
    shutil.rmtree(library)
    away.rename(library)
