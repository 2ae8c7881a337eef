"""Small libraries on disk for the tests of the window: drawn photos, features, no model.

Scores come from the real arithmetic.  The classes' text embeddings are those of
``fake_encoder.py``, and each photo's feature is chosen so that the scores come out as wanted.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
from fake_encoder import DIM, text_vector
from numpy.typing import NDArray
from paper_library import photo_file
from PIL import Image, ImageDraw

from lmpt_desktop.catalogue import Catalogue, opening
from lmpt_desktop.catalogue.housekeeping import PROMPT_SETS
from lmpt_desktop.catalogue.runs import RunState
from lmpt_desktop.domain.records import ClassEntry, ImageTable, ScannedFile
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.domain.texts import Texts
from lmpt_desktop.engine.encoding.model_facts import ModelFacts, setting_name
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.ingest.reading import read_file
from trainer import prompt_set as prompt_sets
from trainer.bands import BandLimits
from trainer.events import BandScores
from trainer.prompt_set import ClassResult, Evaluation, PromptSet

CLASS_NAMES = ("dog", "person", "traffic light", "kite", "hair drier", "cup")
DOG, PERSON, LIGHT, KITE, DRIER, CUP = range(1, 7)
"""The classes' ids."""
PHOTO_NAMES = tuple(f"{'beach' if i % 2 else 'city'}/photo {i}.jpg" for i in range(12))
MISSING, UNREADABLE = 11, 12
"""The ids of the two photos that cannot be shown; neither has a feature."""
PRESENT = (9, 5, 4, 1, 0, 3)
"""Photos in which :func:`annotate_sample` marks each class present."""
ANNOTATED = 10
LIMITS = BandLimits(medium=4, head=8)
BACKBONE = "lite"
FACTS = ModelFacts(DIM, scale=100.0, bias=0.0, templates=("{}",), device="CPU", windows=0)
"""A scale at which any scores of a few dozen classes fit into one unit vector."""


OpenSession = Callable[..., LibrarySession]
"""What the fixture ``open_session`` is: :func:`open_library`, closed after the test."""
Locked = Callable[[], AbstractContextManager[None]]
"""What the fixture ``locked`` is: within it no change can be saved."""


def draw_photo(path: Path, number: int) -> None:
    """A small picture, different for each number."""
    image = Image.new("RGB", (320, 240), ((number * 53) % 200 + 30, (number * 97) % 200, 90))
    draw = ImageDraw.Draw(image)
    draw.ellipse((60 + number * 7 % 90, 40, 200, 190), fill=(230, (number * 31) % 255, 60))
    draw.text((20, 20), f"photo {number}", fill="white")
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, quality=80)


def sample_scores(count: int, seed: int = 3) -> NDArray[np.float32]:
    """(count, 6) float32; the last classes are rare."""
    scores = np.random.default_rng(seed).random((count, len(CLASS_NAMES)), dtype=np.float32)
    return scores * np.array([1, 0.9, 0.6, 0.55, 0.54, 0.7], np.float32)


def sample_snapshot(count: int, names: list[str] | None = None) -> Snapshot:
    """The arrays alone of a library with ``count`` images, for parts that need no session."""
    return Snapshot(
        version=1,
        images=ImageTable(
            ids=np.arange(1, count + 1, dtype=np.int64),
            folder_ids=np.ones(count, np.int64),
            states=np.zeros(count, np.int8),
            sizes=np.full(count, 1000, np.int64),
            mtime=np.zeros(count, np.int64),
            taken=np.zeros(count, np.int64),
            widths=np.full(count, 320, np.int32),
            heights=np.full(count, 240, np.int32),
            names=Texts.of(names or [f"photo-{number:06}.jpg" for number in range(count)]),
            fingerprints=Texts.of(f"{number:032x}" for number in range(count)),
            edited=np.zeros(count, np.bool_),
        ),
        classes=tuple(ClassEntry(1 + i, name, position=i) for i, name in enumerate(CLASS_NAMES)),
        scores=sample_scores(count),
        thresholds=np.full(len(CLASS_NAMES), 0.5, np.float32),
        trained=np.zeros(len(CLASS_NAMES), np.bool_),
        annotations=np.full((count, len(CLASS_NAMES)), -1, np.int8),
        reviewed=np.zeros(count, np.bool_),
        limits=LIMITS,
    )


def features_for(
    scores: NDArray[np.floating], embeddings: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(n, D) unit-norm features that :data:`FACTS` score as wanted.

    Args:
        scores: (n, C) in (0, 1).
        embeddings: (C, D), C < D.

    Raises:
        ValueError: if no unit vector has such scores.
    """
    wanted = np.clip(np.asarray(scores, np.float64), 1e-4, 1 - 1e-4)
    cosines = np.log(wanted / (1 - wanted)) / FACTS.scale
    inside = cosines @ np.linalg.pinv(embeddings.astype(np.float64)).T
    left = 1 - (inside**2).sum(axis=1, keepdims=True)
    if (left <= 0).any():
        raise ValueError("these scores do not fit into one unit vector")
    across = np.linalg.svd(embeddings, full_matrices=True)[2][-1]
    return (inside + np.sqrt(left) * across).astype(np.float32)


def sample_files(photos: Path, names: Sequence[str] = PHOTO_NAMES) -> list[ScannedFile]:
    """Draw the photos and describe them as a scan does; the last is cut short and the one before
    it is not there."""
    files = []
    for number, name in enumerate(names):
        path = photos / name
        draw_photo(path, number)
        if number == len(names) - 1:
            path.write_bytes(path.read_bytes()[:200])
        facts = path.stat()
        identity = read_file(path).identity
        files.append(
            photo_file(
                name,
                size=facts.st_size,
                mtime_ns=facts.st_mtime_ns,
                fingerprint=identity.fingerprint,
                file_hash=identity.file_hash,
                picture_hash=identity.picture_hash,
                width=320,
                height=240,
            )
        )
        if number == len(names) - 2:
            path.unlink()
    return files


def add_features(
    catalogue: Catalogue, class_names: Sequence[str], scores: NDArray[np.floating]
) -> None:
    """Text embeddings of the classes, and a feature for every image whose scores are known.

    Args:
        catalogue: its images have the ids 1 to n.
        class_names: C names.
        scores: (n, C); a row with NaN means that the image has no feature.
    """
    embeddings = np.stack([text_vector(name) for name in class_names])
    catalogue.settings.set(setting_name(BACKBONE), FACTS.to_setting())
    texts = dict(zip(class_names, embeddings, strict=True))
    catalogue.features.put_texts(BACKBONE, texts, FACTS.variant)
    rows = np.flatnonzero(~np.isnan(scores).any(axis=1))
    if len(rows):
        catalogue.features.append(BACKBONE, rows + 1, features_for(scores[rows], embeddings))


def make_library(
    library: Path,
    photos: Path,
    *,
    class_names: Sequence[str] = CLASS_NAMES,
    scores: NDArray[np.floating] | None = None,
) -> None:
    """Twelve photos in two folders, of which one is missing and one cannot be read.

    Args:
        library, photos: where the library and its photos go.
        class_names: C classes; the first has the id 1.
        scores: (12, C), NaN rows for photos without a feature; None: :func:`sample_scores`.
    """
    if scores is None:
        scores = sample_scores(len(PHOTO_NAMES))
        scores[[MISSING - 1, UNREADABLE - 1]] = np.nan
    with Catalogue.open(library) as catalogue:
        folder = catalogue.folders.add(photos)
        catalogue.images.upsert(folder.id, sample_files(photos))
        for name in class_names:
            catalogue.classes.add(name)
        catalogue.settings.set("band limits", {"medium": LIMITS.medium, "head": LIMITS.head})
        add_features(catalogue, class_names, scores)
        catalogue.images.mark_missing([MISSING])
        catalogue.images.mark_unreadable(
            UNREADABLE, "The file is cut short: part of the photo is missing."
        )


def copy_library(template: Path, target: Path) -> None:
    """Copy a folder that holds ``library`` and ``photos``, and point the copy at its own photos."""
    shutil.copytree(template, target)
    connection = sqlite3.connect(target / "library" / opening.CATALOGUE_NAME)
    with contextlib.closing(connection), connection:
        connection.execute("UPDATE folders SET path = ?", (str(target / "photos"),))


def open_library(library: Path, **options: Any) -> LibrarySession:
    """Open a session that predicts from kept features, and neither scans nor encodes.

    Args:
        library: the folder.
        options: of :meth:`LibrarySession.open`.
    """
    session = LibrarySession.open(library, **({"encode": False, "folders": []} | options))
    if options.get("begin", True):
        settle(session)
    return session


def settle(session: LibrarySession) -> None:
    """Wait until nothing is left to predict."""
    deadline = time.monotonic() + 30
    while not session.idle:
        assert time.monotonic() < deadline, "the session never comes to rest"
        time.sleep(0.001)


@contextlib.contextmanager
def another_writer(library: Path) -> Iterator[None]:
    """Within it another program is writing to the catalogue."""
    path = library / opening.CATALOGUE_NAME
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    with contextlib.closing(connection):
        connection.execute("BEGIN IMMEDIATE")
        yield


def leave_unanswered(session: LibrarySession, *cells: tuple[int, int]) -> None:
    """Say absent about every class of every image that nothing is known about, except ``cells``,
    (image id, class id) each."""
    snapshot = session.snapshot()
    open_ = snapshot.annotations == -1
    for image_id, class_id in cells:
        open_[snapshot.row_of[image_id], snapshot.column_of[class_id]] = False
    rows, columns = np.nonzero(open_)
    session.annotations.apply(
        snapshot.image_ids[rows], snapshot.class_ids[columns], np.zeros(len(rows), np.int8)
    )


def verdict_of(session: LibrarySession, image_id: int, class_id: int) -> int:
    """What the catalogue holds about a class of an image: 1, 0, or -1 for unknown."""
    return int(session.catalogue.annotations.matrix([image_id], [class_id])[0, 0])


def annotate_sample(session: LibrarySession) -> None:
    """Say of the first :data:`ANNOTATED` photos which of the classes they show."""
    snapshot = session.snapshot()
    rows, columns = np.divmod(np.arange(ANNOTATED * len(CLASS_NAMES)), len(CLASS_NAMES))
    verdicts = (rows < np.array(PRESENT)[columns]).astype(np.int8)
    session.annotations.apply(snapshot.image_ids[rows], snapshot.class_ids[columns], verdicts)


def evaluation(
    precisions: dict[str, float | None], scores: BandScores | None = None, **extra: float
) -> Evaluation:
    """What a run measured, of these average precisions.

    The classes were learned from 30, 25, 20 ... photos and judged by 8, 7, 6 ... present and 40
    absent ones.
    """
    results = [
        ClassResult(name, 30 - 5 * place, 8 - place, 40, value)
        for place, (name, value) in enumerate(precisions.items())
    ]
    return Evaluation(scores or BandScores(None, None, None, None), results, extra)


def add_version(
    session: LibrarySession,
    *,
    judged: Evaluation | None = None,
    baseline: Evaluation | None = None,
    shift: Sequence[float] = (0.0,) * len(CLASS_NAMES),
    train_present: Sequence[int] = (1,) * len(CLASS_NAMES),
    class_names: Sequence[str] = CLASS_NAMES,
    backbone: str = BACKBONE,
    run_id: int | None = None,
) -> int:
    """Put a prompt set into the library as if a run had made it; its id.

    Args:
        session: the library.
        judged, baseline: the evaluations of itself and of what it replaces.
        shift: (C,) what is added to each class's logit, compared with zero-shot.
        train_present: (C,) present annotations it learned from.
        class_names: C classes it learned.
        backbone: of which it is.
        run_id: the run that made it.
    """
    records = session.catalogue.prompt_sets
    folder = session.catalogue.make_folder(PROMPT_SETS) / f"made-{len(records.all(discarded=True))}"
    prompt_set = PromptSet(
        backbone=backbone,
        classes=list(class_names),
        class_embeddings=np.stack([text_vector(name) for name in class_names]),
        scale=FACTS.scale,
        biases=np.array(shift, np.float32),
        thresholds=np.full(len(class_names), 0.5, np.float32),
        train_present=np.array(train_present, np.int64),
        calibrated=np.ones(len(class_names), np.bool_),
        evaluation=judged,
        baseline=baseline,
    )
    prompt_sets.save(prompt_set, folder)
    known = {entry.name: entry.id for entry in session.catalogue.classes.all()}
    class_ids = {name: known[name] for name in class_names if name in known}
    return records.add(folder, backbone, run_id=run_id, class_ids=class_ids).id


def add_run(session: LibrarySession) -> int:
    """Record a run that has finished; its id."""
    folder = session.library_folder / "jobs" / "{id}"
    return session.catalogue.runs.add(folder, BACKBONE, state=RunState.FINISHED).id
