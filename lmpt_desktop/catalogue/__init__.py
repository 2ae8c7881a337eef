"""The catalogue: everything a library knows, in one SQLite file (Qt-free).

:class:`Catalogue` opens a library; the rest are its parts and the records that only it makes.
"""

from typing import TYPE_CHECKING

from lmpt_desktop.names_on_demand import names_on_demand

if TYPE_CHECKING:
    from lmpt_desktop.catalogue.annotations import Annotations
    from lmpt_desktop.catalogue.catalogue import Catalogue
    from lmpt_desktop.catalogue.classes import Classes
    from lmpt_desktop.catalogue.errors import (
        CatalogueDamaged,
        CatalogueDiskFull,
        CatalogueError,
        CatalogueLocked,
        CatalogueNewer,
        CatalogueReadOnly,
        CatalogueUnwritable,
        ClassNameInvalid,
        ClassNameTaken,
        FolderOverlaps,
        NotInCatalogue,
    )
    from lmpt_desktop.catalogue.features import Features
    from lmpt_desktop.catalogue.folders import Folders
    from lmpt_desktop.catalogue.images import Image, Images
    from lmpt_desktop.catalogue.prompt_sets import PromptSetRecord, PromptSets
    from lmpt_desktop.catalogue.records import (
        Absences,
        AnnotationCount,
        Change,
        ImageIds,
    )
    from lmpt_desktop.catalogue.runs import RunRecord, Runs, RunState
    from lmpt_desktop.catalogue.settings import Settings

__all__ = [
    "Absences",
    "AnnotationCount",
    "Annotations",
    "Catalogue",
    "CatalogueDamaged",
    "CatalogueDiskFull",
    "CatalogueError",
    "CatalogueLocked",
    "CatalogueNewer",
    "CatalogueReadOnly",
    "CatalogueUnwritable",
    "Change",
    "ClassNameInvalid",
    "ClassNameTaken",
    "Classes",
    "Features",
    "FolderOverlaps",
    "Folders",
    "Image",
    "ImageIds",
    "Images",
    "NotInCatalogue",
    "PromptSetRecord",
    "PromptSets",
    "RunRecord",
    "RunState",
    "Runs",
    "Settings",
]

__getattr__ = names_on_demand(
    __name__,
    {
        "Absences": "records",
        "AnnotationCount": "records",
        "Annotations": "annotations",
        "Catalogue": "catalogue",
        "CatalogueDamaged": "errors",
        "CatalogueDiskFull": "errors",
        "CatalogueError": "errors",
        "CatalogueLocked": "errors",
        "CatalogueNewer": "errors",
        "CatalogueReadOnly": "errors",
        "CatalogueUnwritable": "errors",
        "Change": "records",
        "ClassNameInvalid": "errors",
        "ClassNameTaken": "errors",
        "Classes": "classes",
        "Features": "features",
        "FolderOverlaps": "errors",
        "Folders": "folders",
        "Image": "images",
        "ImageIds": "records",
        "Images": "images",
        "NotInCatalogue": "errors",
        "PromptSetRecord": "prompt_sets",
        "PromptSets": "prompt_sets",
        "RunRecord": "runs",
        "RunState": "runs",
        "Runs": "runs",
        "Settings": "settings",
    },
)
