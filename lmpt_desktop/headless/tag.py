"""``lmpt-desktop tag``: predict a folder of photos without a window (imports no Qt)."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TaskID, TimeRemainingColumn

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue.disk_access import LOCK_NAME
from lmpt_desktop.catalogue.locks import ProcessLock
from lmpt_desktop.command_line import (
    LIBRARY_NAME,
    CommandFailure,
    ExitCode,
    check_output,
    existing_library,
    progress_bar,
    run_command,
    say,
)
from lmpt_desktop.domain.other_files import MAX_KINDS
from lmpt_desktop.domain.records import ClassEntry, ClassSpec, ImageState, ImageTable
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.engine.encoding.encoder import EncoderError
from lmpt_desktop.engine.encoding.model_facts import ModelFacts
from lmpt_desktop.engine.feature_tags import (
    FeaturePredictions,
    Vocabulary,
    encode_texts,
    encoded_with,
    texts_to_encode,
)
from lmpt_desktop.engine.notices import (
    Activity,
    ActivityChanged,
    ActivityKind,
    ActivityState,
    Notice,
    Problem,
)
from lmpt_desktop.engine.session import Commands, LibrarySession
from lmpt_desktop.error_texts import reason_of
from lmpt_desktop.inference.vocabularies import BUILT_IN, built_in_vocabulary
from lmpt_desktop.interchange.atomic_file import atomic_write
from lmpt_desktop.interchange.class_lists import ClassListError, read_class_list
from lmpt_desktop.interchange.record import PREDICTION
from lmpt_desktop.interchange.tags import FORMATS, TagRow, format_of, tag_rows
from lmpt_desktop.logs import start_logging
from lmpt_desktop.paths import library_dir
from lmpt_desktop.real_paths import canonical
from lmpt_desktop.sample_photos import SamplesMissingError, copy_samples
from lmpt_desktop.translation import join_names, ngettext, number
from trainer.bands import Band
from trainer.feature_folder import FeatureFolderError, is_whole, read_manifest
from trainer.printable import for_data
from trainer.prompt_set import PromptSetError

log = logging.getLogger(__name__)

DEFAULT_VOCABULARY = "everyday"


EPILOG = """\
output:
  one row per photo and class that it has: path, class, score (0 to 1), band (head, medium or
  tail: by about how many photos of the library have the class, as far as predictions and
  annotations tell).  A photo has the classes that were marked present in it, with the score 1, and
  those that are predicted and were not marked absent.  With --all one row per photo and class of
  the vocabulary; classes marked absent have the score 0.  With --source a fifth column says where
  it comes from: user (annotated), import (from a file; machine, if a model had said it there),
  prediction, or, with --all, reviewed (absent, since the photo was marked reviewed, or since an
  import took classes that were not listed for absent).

raw files:
  A raw file and a JPEG, HEIC or JPEG XL of the same name in the same folder are one photo, unless
  the preferences of the library say otherwise; it has one set of rows, with the path of the JPEG.
  How many raw files that concerns is said on stderr.  With --each-file they have rows, too.

exit codes:
  0    all photos were tagged; one whose file lacks its end is listed on stderr
  1    some photos or folders could not be read, or something else went wrong (listed on
       stderr); the other photos were tagged
  2    wrong usage: an unknown option, vocabulary or folder
  3    no photos were found (stderr says what was there instead)
  4    the model could not be loaded or stopped; nothing was written
  5    the library could not be opened or written, or is open in a window and would get
       another vocabulary
  6    the output could not be written
  7    all photos were tagged, but there are files of other kinds, which were left out (counted on
       stderr by their suffix; hidden files, files that describe photos such as .xmp, .txt, .json
       and .csv, and what the system makes for itself such as .db are not counted, and of what the
       library's ignore list names only the folders and photos)
  130  interrupted

Run it again on the same folders and only new and changed photos are encoded.

features:
  With --features instead of folders, photos are predicted that lmpt-trainer encode-folder has
  encoded, however many, and no library is made.  With --library, which must exist then, they are
  predicted with its classes and its active version; verdicts since are not learned from, and
  annotations play no part.  Else with --vocabulary.  Photos without a feature are listed on stderr.
"""


def tag_parser() -> argparse.ArgumentParser:
    """Arguments of ``tag``."""
    names = ", ".join(item.name for item in BUILT_IN)
    parser = argparse.ArgumentParser(
        prog="lmpt-desktop tag",
        description="Tag photos with many classes, without a window.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folders", metavar="FOLDER", nargs="*", type=Path, help="photos to tag")
    parser.add_argument(
        "--samples", action="store_true", help="tag the sample photos, for a first try"
    )
    parser.add_argument(
        "--features",
        metavar="FEATURES",
        type=Path,
        help="predict what lmpt-trainer encode-folder has encoded, instead of folders",
    )
    parser.add_argument(
        "--vocabulary",
        metavar="NAME|FILE",
        help=f"{names}, or a text file with one class per line, optionally "
        "name<TAB>description, several descriptions separated by ; (default: the library's own "
        f"classes, else {DEFAULT_VOCABULARY})",
    )
    parser.add_argument(
        "--backbone",
        metavar="NAME",
        help="lite, lite+, open_clip's MODEL/PRETRAINED or MODEL/FILE (default: the library's, or "
        "lite)",
    )
    parser.add_argument(
        "--library",
        metavar="PATH",
        type=Path,
        help=f'library folder (default: the library "{LIBRARY_NAME}")',
    )
    parser.add_argument(
        "--device", default="auto", choices=["auto", "cpu", "cuda", "mps"], help="default: auto"
    )
    parser.add_argument(
        "--all", action="store_true", help="a row for every class, predicted or not"
    )
    parser.add_argument(
        "--each-file",
        action="store_true",
        help="rows for every file: a raw file that is part of a photo gets those of its photo",
    )
    parser.add_argument(
        "--source", action="store_true", help="a fifth column: annotated, imported or predicted"
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        default="-",
        help=f"a file ({', '.join(suffix for item in FORMATS for suffix in item.suffixes)}); "
        f"- for {FORMATS[0].name} on standard output (default)",
    )
    parser.add_argument("--verbose", action="store_true", help="log everything to stderr")
    return parser


def main(arguments: Sequence[str] | None = None, commands: Commands | None = None) -> int:
    """Run ``tag``; returns the exit code.  ``commands``: other trainer programs, for tests."""
    parsed = tag_parser().parse_args(arguments)
    start_logging(verbose=parsed.verbose)
    return run_command(
        lambda console: _tag(parsed, console, commands),
        "Interrupted. Photos encoded so far are kept for the next time.",
    )


def _tag_features(parsed: argparse.Namespace, console: Console, commands: Commands | None) -> int:
    folder: Path = parsed.features
    if parsed.folders or parsed.samples or parsed.each_file:
        raise CommandFailure(
            ExitCode.USAGE, "--features does without folders, --samples and --each-file."
        )
    check_output(parsed.output, folder)
    try:
        made_with = encoded_with(folder)
        if parsed.backbone not in (None, made_with.backbone):
            raise CommandFailure(
                ExitCode.USAGE, f"{folder} has features by {made_with.backbone}, and no others."
            )
        whole = is_whole(folder)
        words = _feature_vocabulary(parsed, made_with.backbone)
        with progress_bar(console) as progress:
            bar = progress.add_task("Reading the names of classes", total=None)
            texts = encode_texts(
                texts_to_encode(words),
                made_with,
                parsed.device,
                (commands or Commands()).encode,
            )
            facts = ModelFacts.of(made_with)
            predictions = FeaturePredictions(folder, facts, words, texts)
            total = 2 * read_manifest(folder).photos
            progress.update(bar, description="Predicting", total=total)
            bands = predictions.bands(lambda done: progress.update(bar, completed=done))
            rows = _feature_rows(predictions, bands, all_classes=parsed.all)
            _write(parsed.output, rows, with_source=parsed.source)
        refused = False
        for path, reason in predictions.refused():
            refused = True
            say(console, f"{path}: {reason}")
    except FeatureFolderError as error:
        raise CommandFailure(ExitCode.USAGE, str(error)) from error
    except EncoderError as error:
        raise CommandFailure(ExitCode.MODEL_FAILED, str(error)) from error
    except PromptSetError as error:
        raise CommandFailure(ExitCode.LIBRARY_FAILED, str(error)) from error
    if not whole:
        say(
            console,
            f"{folder}: encode-folder has not gone through all its photos; run it again and then "
            "this command, for the rest.",
        )
    return ExitCode.PARTIAL if refused or not whole else ExitCode.OK


def _feature_vocabulary(parsed: argparse.Namespace, backbone: str) -> Vocabulary:
    if parsed.vocabulary and parsed.library:
        raise CommandFailure(
            ExitCode.USAGE, "With --features, give --vocabulary or --library, not both."
        )
    if parsed.library:
        with Catalogue.open(existing_library(parsed.library)) as catalogue:
            words = Vocabulary.of_library(catalogue, backbone)
        if not words.classes:
            raise CommandFailure(ExitCode.USAGE, f"The library {parsed.library} has no classes.")
        return words
    specs = vocabulary(parsed.vocabulary or DEFAULT_VOCABULARY)
    return Vocabulary(
        [ClassEntry(number, spec.name, spec.description) for number, spec in enumerate(specs, 1)],
        {},
    )


def _feature_rows(
    predictions: FeaturePredictions, bands: Sequence[Band], *, all_classes: bool
) -> Iterator[TagRow]:
    names = [entry.name for entry in predictions.classes]
    for block in predictions.blocks():
        requested = ~np.isnan(block.scores) if all_classes else block.predicted
        order = np.argsort(-block.scores, axis=1, kind="stable")
        for row, path in enumerate(block.paths):
            for column in order[row][requested[row, order[row]]].tolist():
                score = float(block.scores[row, column])
                yield TagRow(path, names[column], score, bands[column].value, PREDICTION)


def _tag(parsed: argparse.Namespace, console: Console, commands: Commands | None) -> int:
    if parsed.features is not None:
        return _tag_features(parsed, console, commands)
    folders = [_checked_folder(path) for path in parsed.folders]
    if parsed.samples:
        folders.append(_sample_photos())
    if not folders:
        raise CommandFailure(ExitCode.USAGE, "Name at least one folder of photos, or --samples.")
    specs = vocabulary(parsed.vocabulary) if parsed.vocabulary else None
    library = parsed.library or library_dir(LIBRARY_NAME)
    check_output(parsed.output, library)
    problem_log = _ProblemLog()
    with LibrarySession.open(
        library,
        device=parsed.device,
        backbone=parsed.backbone,
        exclusive=False,
        folders=folders,
        commands=commands,
        listener=problem_log,
    ) as session:
        with _activity_bars(session, console):
            if specs is not None:
                _refuse_to_lose_classes(session, specs)
            elif not session.snapshot().classes:
                specs = built_in_vocabulary(DEFAULT_VOCABULARY)
            if specs is not None and not _is_vocabulary(session.snapshot().classes, specs):
                # An open window would keep using the classes it has read.
                with ProcessLock(session.library_folder / LOCK_NAME, wait_seconds=2.0):
                    session.vocabulary.set_all(specs)
            session.wait_until_idle()
            session.model.calibrate()
            session.wait_until_idle()
        return _write_results(session, folders, parsed, console, problem_log)


class _ProblemLog:
    """Collects the problems that a session reports while it works."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.scan_failures: list[str] = []

    def __call__(self, notice: Notice) -> None:
        if isinstance(notice, Problem):
            self.problems.append(notice)
        elif isinstance(notice, ActivityChanged):
            activity = notice.activity
            if (activity.kind, activity.state) == (ActivityKind.SCAN, ActivityState.FAILED):
                self.scan_failures.append(activity.message)

    def sentences(self) -> list[str]:
        """All problems, for the user."""
        parts = [(item.message, *item.details.splitlines()) for item in self.problems]
        return [line for part in dict.fromkeys(parts) for line in part if line]


def _is_vocabulary(classes: Sequence[ClassEntry], specs: Sequence[ClassSpec]) -> bool:
    return len(classes) == len(specs) and all(
        entry.name == spec.name and spec.description in ("", entry.description)
        for entry, spec in zip(classes, specs, strict=True)
    )


def _write_results(
    session: LibrarySession,
    folders: Sequence[Path],
    parsed: argparse.Namespace,
    console: Console,
    problem_log: _ProblemLog,
) -> int:
    if problem_log.scan_failures:
        raise CommandFailure(ExitCode.LIBRARY_FAILED, *problem_log.scan_failures)
    snapshot = session.snapshot()
    rows = _rows_below(session, snapshot, folders)
    if not len(rows):
        if problem_log.problems:
            for sentence in problem_log.sentences():
                say(console, sentence)
        names = ", ".join(str(folder) for folder in folders)
        left_out = filter(None, [_left_out(session, folders)])
        raise CommandFailure(ExitCode.NOTHING_FOUND, f"No photos were found in {names}.", *left_out)
    readable = rows[snapshot.states[rows] == ImageState.OK]
    unscored = readable[~snapshot.scored[readable]]
    if len(unscored) and problem_log.problems:
        raise CommandFailure(ExitCode.MODEL_FAILED, *problem_log.sentences())
    found = tag_rows(
        snapshot,
        rows,
        session.images.paths,
        all_classes=parsed.all,
        sources_of=session.catalogue.annotations.sources if parsed.source else None,
        raw_files_of=(lambda ids: raw_files_of(session, ids)) if parsed.each_file else None,
    )
    _write(parsed.output, found, with_source=parsed.source)
    unreadable = rows[snapshot.states[rows] == ImageState.UNREADABLE]
    bad = sorted([*unscored.tolist(), *unreadable.tolist()])
    for row in bad:
        image = session.images.details(int(snapshot.image_ids[row]))
        say(console, f"{image.path}: {image.reason or 'It could not be encoded.'}")
    for path in session.images.paths(snapshot.image_ids[_damaged(snapshot, readable)].tolist()):
        say(console, f"{path}: The end of the file is missing. What is there was tagged.")
    if problem_log.problems:
        for sentence in problem_log.sentences():
            say(console, sentence)
    with_raw = int(np.count_nonzero(snapshot.images.raws[rows]))
    if with_raw and not parsed.each_file:
        say(console, raw_files_text(with_raw))
    if sentences := _left_out(session, folders):
        say(console, sentences)
    others = session.left_out.others(_folder_ids(session, folders))
    if bad or problem_log.problems:
        return ExitCode.PARTIAL
    return ExitCode.OTHER_FILES if others else ExitCode.OK


def raw_files_of(session: LibrarySession, image_ids: Sequence[int]) -> dict[int, list[Path]]:
    """The raw files that are part of these images."""
    found: dict[int, list[Path]] = {}
    for item in session.catalogue.pairs.companions(image_ids):
        if item.is_there:
            found.setdefault(item.shown_id, []).append(Path(item.path))
    return found


def raw_files_text(photos: int) -> str:
    """That so many photos have a raw file, which has no rows."""
    return ngettext(
        "{count} raw file is part of the photo of its name; --each-file lists it as well.",
        "{count} raw files are part of the photos of their names; --each-file lists them as well.",
        photos,
    ).format(count=number(photos))


def _damaged(snapshot: Snapshot, rows: np.ndarray) -> np.ndarray:
    """Those of the rows whose file lacks its end, and which were tagged all the same."""
    return rows[snapshot.images.damaged[rows] & snapshot.scored[rows]]


def _left_out(session: LibrarySession, folders: Sequence[Path]) -> str:
    """What is left out of the folders, every kind of file by its suffix; "" if that is nothing."""
    return session.left_out.sentences(_folder_ids(session, folders), kinds=MAX_KINDS)


def _folder_ids(session: LibrarySession, folders: Sequence[Path]) -> list[int]:
    """The library's folders that were scanned for these."""
    real = [canonical(folder) for folder in folders]
    return [
        item.id
        for item in session.folders.all()
        if any(place.is_relative_to(canonical(item.path)) for place in real)
    ]


def vocabulary(name: str) -> tuple[ClassSpec, ...]:
    """A built-in vocabulary, or the classes of a file.

    Raises:
        CommandFailure: with a sentence, if there is no such vocabulary.
    """
    with contextlib.suppress(KeyError):
        return built_in_vocabulary(name)
    path = Path(name).expanduser()
    if not path.exists():
        names = ", ".join(item.name for item in BUILT_IN)
        raise CommandFailure(
            ExitCode.USAGE,
            f"There is no vocabulary {name}: it is neither built in ({names}) nor a file.",
        )
    try:
        return tuple(read_class_list(path))
    except ClassListError as error:
        raise CommandFailure(ExitCode.USAGE, str(error)) from error


def _refuse_to_lose_classes(session: LibrarySession, specs: Sequence[ClassSpec]) -> None:
    """Refuse a vocabulary that would archive annotated classes."""
    requested = {spec.name.casefold() for spec in specs}
    snapshot = session.snapshot()
    lost = [
        entry.name
        for column, entry in enumerate(snapshot.classes)
        if entry.name.casefold() not in requested and (snapshot.annotations[:, column] >= 0).any()
    ]
    if lost:
        raise CommandFailure(
            ExitCode.USAGE,
            f"The library {session.library_folder} has annotations of classes that this vocabulary "
            f"lacks ({join_names(lost, 3)}). Leave out --vocabulary, or give another --library.",
        )


def _sample_photos() -> Path:
    try:
        return copy_samples()
    except SamplesMissingError as error:
        raise CommandFailure(ExitCode.USAGE, str(error)) from error


def _checked_folder(path: Path) -> Path:
    folder = Path(os.path.normpath(path.expanduser().absolute()))
    if not folder.exists():
        raise CommandFailure(ExitCode.USAGE, f"There is no folder {path}.")
    if not folder.is_dir():
        raise CommandFailure(ExitCode.USAGE, f"{path} is not a folder.")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise CommandFailure(
            ExitCode.USAGE, f"The folder {path} cannot be read. Check its permissions."
        )
    return folder


def _real_text(folders: Mapping[int, Path], images: ImageTable, row: int) -> str:
    folder = folders.get(int(images.folder_ids[row]))
    return os.path.join(folder, images.names[row]) if folder is not None else ""  # noqa: PTH118


def _rows_below(session: LibrarySession, snapshot: Snapshot, folders: Sequence[Path]) -> np.ndarray:
    """Rows of images in any of ``folders`` that are not missing, by path.

    The library may know a folder by another path to the same place.
    """
    paths = session.images.paths(snapshot.image_ids.tolist())
    roots = tuple(
        os.path.join(place, "")  # noqa: PTH118 (keeps the slash)
        for folder in folders
        for place in dict.fromkeys((folder, canonical(folder)))
    )
    texts = [str(path) for path in paths]
    real = {folder.id: canonical(folder.path) for folder in session.folders.all()}
    table = snapshot.images
    here = [
        row
        for row, text in enumerate(texts)
        if snapshot.states[row] != ImageState.MISSING
        and (text.startswith(roots) or _real_text(real, table, row).startswith(roots))
    ]
    here.sort(key=texts.__getitem__)
    return np.array(here, np.int64)


def _write(output: str, rows: Iterator[TagRow], *, with_source: bool) -> None:
    try:
        if output == "-":
            format_of(output).write(rows, for_data(sys.stdout), with_source=with_source)
            sys.stdout.flush()
        else:
            with atomic_write(Path(output).absolute()) as file:
                format_of(output).write(rows, file, with_source=with_source)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise CommandFailure(
            ExitCode.OUTPUT_FAILED, f"{output} cannot be written: {reason_of(error)}."
        ) from error


@contextlib.contextmanager
def _activity_bars(session: LibrarySession, console: Console) -> Iterator[None]:
    """Bars on stderr while the session works; on a pipe, nothing."""
    titles = {"scan": "Looking for photos", "encode": "Encoding", "download": "Downloading"}
    bars: dict[ActivityKind, TaskID] = {}

    def show(progress: Progress, activity: Activity) -> None:
        title = titles.get(str(activity.kind))
        if title is None:
            return
        if activity.kind not in bars:
            bars[activity.kind] = progress.add_task(title, total=None)
        total = activity.total or None
        done = activity.total if activity.state is ActivityState.IDLE else activity.done
        progress.update(bars[activity.kind], completed=done, total=total)

    with progress_bar(console, MofNCompleteColumn(), TimeRemainingColumn()) as progress:

        def listen(notice: Notice) -> None:
            if isinstance(notice, ActivityChanged):
                show(progress, notice.activity)

        unsubscribe = session.subscribe(listen)
        try:
            yield
        finally:
            unsubscribe()
