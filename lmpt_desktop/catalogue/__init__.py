"""The catalogue: everything a library knows, in one SQLite file (Qt-free).

:class:`Catalogue` opens a library; the rest are the frozen records it takes and gives.
"""

from lmpt_desktop.catalogue.annotations import Annotations
from lmpt_desktop.catalogue.catalogue import Catalogue
from lmpt_desktop.catalogue.classes import Classes
from lmpt_desktop.catalogue.errors import (
    CatalogueDamaged,
    CatalogueDiskFull,
    CatalogueError,
    CatalogueLocked,
    CatalogueNewer,
    CatalogueUnwritable,
    ClassNameInvalid,
    ClassNameTaken,
    FolderOverlaps,
    NotInCatalogue,
)
from lmpt_desktop.catalogue.features import Features
from lmpt_desktop.catalogue.folders import Folders
from lmpt_desktop.catalogue.images import Images
from lmpt_desktop.catalogue.prompt_sets import PromptSets
from lmpt_desktop.catalogue.records import (
    NO_DATE,
    AnnotationCount,
    Batch,
    BatchSummary,
    CaptionSource,
    Change,
    ClassEntry,
    ClassLike,
    Folder,
    Image,
    ImageIds,
    ImagePlace,
    ImageState,
    ImageTable,
    JournalEntry,
    KnownFile,
    PhotoOnDisk,
    PromptSetRecord,
    RunRecord,
    RunState,
    Source,
    Verdict,
)
from lmpt_desktop.catalogue.runs import Runs
from lmpt_desktop.catalogue.settings import Settings

__all__ = [
    "NO_DATE",
    "AnnotationCount",
    "Annotations",
    "Batch",
    "BatchSummary",
    "CaptionSource",
    "Catalogue",
    "CatalogueDamaged",
    "CatalogueDiskFull",
    "CatalogueError",
    "CatalogueLocked",
    "CatalogueNewer",
    "CatalogueUnwritable",
    "Change",
    "ClassEntry",
    "ClassLike",
    "ClassNameInvalid",
    "ClassNameTaken",
    "Classes",
    "Features",
    "Folder",
    "FolderOverlaps",
    "Folders",
    "Image",
    "ImageIds",
    "ImagePlace",
    "ImageState",
    "ImageTable",
    "Images",
    "JournalEntry",
    "KnownFile",
    "NotInCatalogue",
    "PhotoOnDisk",
    "PromptSetRecord",
    "PromptSets",
    "RunRecord",
    "RunState",
    "Runs",
    "Settings",
    "Source",
    "Verdict",
]
