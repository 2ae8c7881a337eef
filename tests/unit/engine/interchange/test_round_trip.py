"""A library that is exported, imported into a new one and exported again gives the same bytes."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from interchange_records import NASTY_NAMES, paths
from paper_library import photo_file

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue.classes import name_key
from lmpt_desktop.domain.records import Source
from lmpt_desktop.engine.interchange.exports import ExportChoices
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.interchange.importing.choices import ImportChoices

SOURCES = (Source.USER, Source.IMPORT, Source.MACHINE)


def open_library(library: Path) -> LibrarySession:
    return LibrarySession.open(library, encode=False, folders=[], begin=False)


def add_photos(catalogue: Catalogue, folder: Path, names: Sequence[str]) -> list[int]:
    return catalogue.images.upsert(
        catalogue.folders.add(folder).id,
        [
            photo_file(name, fingerprint=f"f{i}", file_hash=f"h{i}", picture_hash=f"p{i}")
            for i, name in enumerate(names)
        ],
    )


def exported(session: LibrarySession, out: Path) -> bytes:
    assert session.exports.write(ExportChoices("jsonl"), out).differences == ()
    return out.read_bytes()


@st.composite
def class_names(draw: st.DrawFn) -> list[str]:
    """Names as a catalogue keeps them apart: whatever the case and the spaces."""
    names = draw(st.lists(st.sampled_from(NASTY_NAMES), min_size=1, max_size=4))
    return list({name_key(name): name for name in names}.values())


@settings(max_examples=examples(40), deadline=None)
@given(
    photos=st.lists(paths(), min_size=1, max_size=4, unique=True),
    names=class_names(),
    data=st.data(),
)
def test_the_bytes_are_the_same(photos: list[str], names: list[str], data: st.DataObject) -> None:
    folder = Path("/photos of nobody")
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        with Catalogue.open(home / "first") as catalogue:
            images = np.array(add_photos(catalogue, folder, photos), np.int64)
            classes = [
                catalogue.classes.add(name, name * 2, "#00ff00", [f"{name} too"]).id
                for name in names
            ]
            cells = data.draw(
                st.lists(
                    st.tuples(
                        st.sampled_from(images.tolist()),
                        st.sampled_from(classes),
                        st.sampled_from([0, 1]),
                        st.sampled_from(SOURCES),
                    ),
                    max_size=8,
                    unique_by=lambda item: item[:2],
                )
            )
            table = np.array([cell[:3] for cell in cells], np.int64).reshape(-1, 3)
            catalogue.annotations.apply_arrays(*table.T, source=[source for *_, source in cells])
            reviewed = data.draw(st.lists(st.sampled_from(images.tolist()), unique=True))
            catalogue.annotations.set_reviewed(reviewed, reviewed=True)
        with open_library(home / "first") as session:
            before = exported(session, home / "first.jsonl")
        with Catalogue.open(home / "second") as catalogue:
            add_photos(catalogue, folder, photos)
        with open_library(home / "second") as session:
            survey = session.imports.survey(home / "first.jsonl", "jsonl", {})
            choices = ImportChoices(add_classes=True)
            session.imports.apply(session.imports.preview(survey, choices))
            assert exported(session, home / "second.jsonl") == before
