"""From folders on disk to what the catalogue keeps, and thumbnails (Qt-free).

Does not import the catalogue: :func:`sync` is given it.
"""

from lmpt_desktop.ingest.inspect_file import inspect_file
from lmpt_desktop.ingest.metadata import Metadata, read_metadata
from lmpt_desktop.ingest.reading import fingerprint
from lmpt_desktop.ingest.scan import FolderProblem, FoundFile, ScanBatch, scan
from lmpt_desktop.ingest.scope import EVERYTHING, Scope
from lmpt_desktop.ingest.sync import SyncPhase, SyncProgress, SyncReport, sync
from lmpt_desktop.ingest.thumbnails import ThumbnailStore
from lmpt_desktop.ingest.watch import FolderWatch
from trainer.identity import Identity

__all__ = [
    "EVERYTHING",
    "FolderProblem",
    "FolderWatch",
    "FoundFile",
    "Identity",
    "Metadata",
    "ScanBatch",
    "Scope",
    "SyncPhase",
    "SyncProgress",
    "SyncReport",
    "ThumbnailStore",
    "fingerprint",
    "inspect_file",
    "read_metadata",
    "scan",
    "sync",
]
