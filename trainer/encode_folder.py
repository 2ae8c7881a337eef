"""``lmpt-trainer encode-folder``: the features of a folder of photos, without a library.

Photos are taken in blocks.  Each process identifies its photos of a block and all learn of all
pictures in it, so that none is encoded twice; each encodes its new ones and writes shards of its
own (:mod:`trainer.feature_folder`).  With ``torchrun`` there are several processes.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from trainer import feature_folder
from trainer.allocation import keep_memory
from trainer.backbone import Backbone, BackboneError, load_backbone
from trainer.backbone_probe import check_name, check_probe, probe_feature
from trainer.cluster import ClusterEncoding, ClusterError, Writes
from trainer.computer import AUTO, cores
from trainer.device import NoDeviceError, choose_device
from trainer.encode import EXIT_DONE, EXIT_FAILED, failure_event, ready_event
from trainer.events import DownloadProgress, EncoderFailed, EncoderReady, FolderEncoded
from trainer.feature_folder import (
    FeatureFolderError,
    Known,
    Manifest,
)
from trainer.folder_encoding import PROGRESS_SECONDS, Emit, FolderEncoding, FolderJob
from trainer.launched import FOLDER_SECONDS, join_ranks
from trainer.photo_list import SourceError
from trainer.photo_source import PhotoSource, open_source
from trainer.printable import one_line
from trainer.priority import lower_priority
from trainer.process_io import EventStream, claim_stdio
from trainer.ranks import LostRankError, Ranks
from trainer.shard_writer import ShardWriter, tried_before
from trainer.temporary_files import temporary_folder

log = logging.getLogger(__name__)

EXIT_CANCELLED = 3
LOCK_NAME = ".lock"
INDEXES_NAME = ".archives"
"""In the folder of features: what archives elsewhere contain."""
EPILOG = """\
SOURCE is one of
  FOLDER                     searched with everything below it
  list.txt                   a path in each line, relative to the folder that the file is in
  'photos-{0000..0099}.tar'  tar archives, as WebDataset keeps photos (in quotes); 'FOLDER/*.tar'
  s3://bucket/photos         photos and archives below an address: s3, gs, http, https and whatever
                             fsspec knows; also with {0000..0099} and *. Needs the extra "cloud":
                             pip install 'lmpt-desktop[cloud]'. Nothing else here goes online, but
                             for a backbone that has to be downloaded.

FEATURES gets shards/*.safetensors (features in half precision, and windows if the backbone makes
them), photos.jsonl (a line for each photo: path, size, picture hash, and shard and row of its
feature or why it has none) and manifest.json. Run it again with the same FEATURES and only new and
changed photos are encoded, also after it was killed. A picture is encoded once, however many files
show it.

several GPUs: torchrun --nproc-per-node N -m trainer encode-folder SOURCE --out FEATURES

many machines: --ray ADDRESS, with the extra "cluster" (pip install 'lmpt-desktop[cluster]'). Each
needs LMPT Desktop, and SOURCE by the same path or address.

exit codes: 0 done (photos that cannot be read are in photos.jsonl), 1 failed, 2 wrong arguments,
3 interrupted
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``encode-folder``."""
    add = parser.add_argument
    add(
        "source",
        metavar="SOURCE",
        help="a folder, a file with a path in each line, archives, or an address (see below)",
    )
    add("--out", type=Path, required=True, metavar="FEATURES", help="folder for the features")
    add(
        "--backbone",
        default="lite",
        help="lite (default), lite+, MODEL/PRETRAINED or MODEL/PATH (open_clip names)",
    )
    add("--device", default=AUTO, help="auto, cuda, cuda:1, mps or cpu")
    add("--threads", type=int, default=0, help="threads that decode (default: depends on cores)")
    add("--batch", type=int, default=0, help="photos at once (default: depends on the device)")
    add(
        "--moved",
        action="store_true",
        help="go on although FEATURES was begun when the photos were in another place",
    )
    add(
        "--ray",
        default="",
        metavar="ADDRESS",
        help="encode on the machines of a Ray cluster: host:port, auto, or local for this one",
    )
    add("--nice", type=int, default=0, help="lower the priority by this amount (default: 0)")
    add(
        "--events",
        action="store_true",
        help="for programs: write events as JSON lines to stdout",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the command and return its exit code; with several ranks, ends the process."""
    signal.signal(signal.SIGTERM, _interrupt)
    # open_clip tells the root logger about every step of loading.
    logging.getLogger().setLevel(logging.WARNING)
    logging.getLogger("trainer").setLevel(logging.INFO)
    lower_priority(arguments.nice)
    keep_memory()
    stream = claim_stdio()[1] if arguments.events else None
    code = EXIT_FAILED
    ranks: Ranks | None = None
    try:
        ranks = join_ranks(FOLDER_SECONDS)
        with _shown(stream, leads=ranks.rank == 0) as emit:
            code = _guarded(arguments, ranks, emit, as_events=stream is not None)
    except LostRankError as error:
        sys.stderr.write(f"{one_line(f'The run stopped: {error}')}.\n")
    if ranks is not None and ranks.count > 1:
        ranks.close()
    # Native threads (OpenMP, decoders) abort the process when Python shuts them down one by one.
    logging.shutdown()
    sys.stderr.flush()
    os._exit(code)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _guarded(arguments: argparse.Namespace, ranks: Ranks, emit: Emit, *, as_events: bool) -> int:
    names = [item.name for item in fields(FolderJob)]
    job = FolderJob(**{name: getattr(arguments, name) for name in names})
    try:
        emit(encode_folder(job, ranks, emit))
        return EXIT_DONE
    except KeyboardInterrupt:
        return EXIT_CANCELLED
    except BrokenPipeError:
        log.info("the reader of the events is gone")
        return EXIT_FAILED
    except LostRankError as error:
        failure = EncoderFailed("error", f"The run stopped: {error}. Run it again to go on.")
    except (FeatureFolderError, SourceError, ClusterError) as error:
        failure = EncoderFailed("error", str(error))
    except Exception as error:
        failure = failure_event(error)
        if failure.kind == "error":
            log.exception("the run failed")
    ranks.fail(failure.message)
    with contextlib.suppress(BrokenPipeError):
        emit(failure)
    if not as_events or ranks.rank:
        sys.stderr.write(f"{one_line(failure.message)}\n")
    return EXIT_FAILED


@contextlib.contextmanager
def _shown(stream: EventStream | None, *, leads: bool) -> Iterator[Emit]:
    """Where events go: to the program that reads them, or to people."""
    if not leads:
        yield lambda event: None
    elif stream is not None:
        yield stream.send
    else:
        from rich.console import Console  # noqa: PLC0415

        from trainer.folder_display import FolderDisplay  # noqa: PLC0415

        with FolderDisplay(Console(stderr=True)) as show:
            yield show


# ------------------------------------------------------------------------- the whole run


def encode_folder(job: FolderJob, ranks: Ranks, emit: Emit) -> FolderEncoded:
    """Encode what is not known, as one of ``ranks``; what is returned counts on rank 0 alone.

    Raises:
        SourceError, FeatureFolderError: if there is nothing to encode, or no place for it.
        ClusterError: if there is no cluster that works.
        BackboneError: if the backbone cannot be used.
        LostRankError: if another rank has ended.
        OSError: if the features cannot be written.
        KeyboardInterrupt: what was encoded by then is written; so it is with a SourceError.
    """
    begun = time.monotonic()
    out = job.out
    with contextlib.ExitStack() as held:
        if job.ray and ranks.count > 1:
            raise ClusterError("With --ray, start one process, without torchrun.")
        if ranks.rank == 0:
            _check_source(job.source)
            feature_folder.prepare(out)
            held.enter_context(_only_writer(out))
        # The others read what is there only once nothing half written is.
        ranks.any(False)
        source = open_source(
            job.source,
            lambda: held.enter_context(temporary_folder(out, "fetched")),
            out / INDEXES_NAME,
        )
        base = source.base
        known = feature_folder.read_known(out)
        if known.source not in ("", base) and not job.moved:
            raise FeatureFolderError(
                f"The features in {out} are of photos in {known.source}. Give another --out or, if "
                "the photos were moved from there, --moved."
            )
        apart = tried_before(out)
        ranks.any(False)
        writer: ShardWriter | None = None

        def write(ready: EncoderReady, probe: NDArray[np.float16]) -> ShardWriter:
            return ShardWriter(
                out, rank=ranks.rank, run=known.run + 1, source=base, backbone=ready, probe=probe
            )

        try:
            if job.ray:
                writer = _encode_on_cluster(job, known, source, write, emit)
            else:
                backbone = _loaded(job, ranks, emit)
                ready = ready_event(backbone)
                check_name(backbone.name, known, out)
                probe = probe_feature(backbone)
                check_probe(backbone.name, probe, known, out)
                emit(ready)
                writer = write(ready, probe)
                encoding = FolderEncoding(
                    job, backbone, ranks, writer, known, source=source, apart=apart, emit=emit
                )
                held.callback(encoding.close)
                encoding.execute()
        except (KeyboardInterrupt, SourceError):
            if writer is not None:
                writer.close()
            if ranks.count == 1:
                _write_manifest(out, complete=False)
            raise
        writer.close()
        ranks.any(False)
        if ranks.rank:
            return FolderEncoded(str(out), 0, 0, 0, 0, 0.0)
        manifest = _write_manifest(out, complete=True)
    if manifest is None:
        raise SourceError(f"There are no photos in {job.source}.")
    seconds = time.monotonic() - begun
    return FolderEncoded(
        str(out), manifest.photos, manifest.encoded, manifest.copies, manifest.refused, seconds
    )


def _check_source(source: Path | str) -> None:
    """Before anything is made in ``--out``."""

    def nothing() -> Path:
        return Path()

    open_source(source, nothing, Path())


def _encode_on_cluster(
    job: FolderJob, known: Known, source: PhotoSource, write: Writes, emit: Emit
) -> ShardWriter:
    """What the workers have made is written, whatever ends the run."""
    from trainer.ray_cluster import RayCluster  # noqa: PLC0415 (one process has no use for it)

    cluster = RayCluster(job.ray)
    encoding = ClusterEncoding(job, cluster, known, source=source, write=write, emit=emit)
    try:
        encoding.execute()
    finally:
        if encoding.writer is not None:
            encoding.writer.close()
        cluster.close()
    if encoding.writer is None:
        raise SourceError(f"There are no photos in {job.source}.")
    return encoding.writer


@contextlib.contextmanager
def _only_writer(out: Path) -> Iterator[None]:
    try:
        with FileLock(out / LOCK_NAME, timeout=0):
            yield
    except Timeout as error:
        raise FeatureFolderError(f"Another process is writing to {out}.") from error


def _write_manifest(out: Path, *, complete: bool) -> Manifest | None:
    """None if there is nothing to make it of."""
    if not feature_folder.shard_paths(out):
        return None
    return feature_folder.write_manifest(out, complete=complete)


def _loaded(job: FolderJob, ranks: Ranks, emit: Emit) -> Backbone:
    name = job.device
    if ranks.count > 1:
        torch.set_num_threads(max(1, cores() // ranks.local_count))
        if name in (AUTO, "cuda") and torch.cuda.is_available():
            name = f"cuda:{ranks.local_rank}"
    try:
        device = choose_device(name)
    except NoDeviceError as error:
        raise BackboneError("no-device", str(error)) from error
    last = 0.0

    def report(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= PROGRESS_SECONDS or done == total:
            last = now
            emit(DownloadProgress(job.backbone, done, total))

    if ranks.rank == 0:  # alone, as it may have to download it
        backbone = load_backbone(job.backbone, device, fast_images=True, on_download=report)
        ranks.any(False)
        return backbone
    ranks.any(False)
    return load_backbone(job.backbone, device, fast_images=True)
