"""The commands about photos and their files: missing photos, copies, checking all files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmpt_desktop.engine.notices import ActivityChanged, ActivityKind, ActivityState
from lmpt_desktop.translation import N_, _
from lmpt_desktop.ui.commands import Command
from lmpt_desktop.ui.files import edited_photos
from lmpt_desktop.ui.files.edited_photos import edited_chosen
from lmpt_desktop.ui.shell.conditions import has_classes, library_open
from lmpt_desktop.ui.shell.context import chosen_ids

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from lmpt_desktop.ui.shell.context import OpenLibrary, ShellContext

# -------------------------------------------------------------------------- missing photos

MISSING_PAGE = "missing"
"""The page's name among those of the library."""


def _offer_missing(context: ShellContext, library: OpenLibrary) -> None:
    """Offer the page, and tell when photos go missing."""
    from lmpt_desktop.ui.files.missing_notification import MissingNotification  # noqa: PLC0415

    library.pages.offer(MISSING_PAGE, lambda: _make_missing(context, library))
    MissingNotification(context, library, lambda: show_missing(context))


def show_missing(context: ShellContext) -> None:
    """Bring the page of missing photos to the front."""
    context.require_library().pages.show_page(MISSING_PAGE)


def _make_missing(context: ShellContext, library: OpenLibrary) -> QWidget:
    from lmpt_desktop.ui.files.missing_page import MissingPage  # noqa: PLC0415

    page = MissingPage(
        library.session, library.bridge, library.undo_stack, library.thumbnail_source
    )
    page.left.connect(library.show_grid)
    page.message.connect(context.status.show_text)
    page.failed.connect(context.report_failure)
    return page


# fmt: off
MISSING: tuple[Command[ShellContext], ...] = (
    Command("view.missing", N_("Missing &photos"), "view", 0, 40, show_missing, (library_open,),
            "F7", "image-missing", opens=MISSING_PAGE,
            tip=N_("Photos whose files are gone, and their annotations")),
)
# fmt: on

# -------------------------------------------------------------------------- verify library

VERIFY = "verify"
"""The name of its dialog."""


def verify_library(context: ShellContext) -> None:
    """Open the dialog that reads every photo again."""
    from lmpt_desktop.ui.files.verify_dialog import VerifyDialog  # noqa: PLC0415

    library = context.require_library()

    def make() -> VerifyDialog:
        dialog = VerifyDialog(library.session, library.bridge, context.dialog_parent)
        dialog.show_requested.connect(library.show_images)
        return dialog

    context.dialogs.show(VERIFY, make)


def _follow_verification(context: ShellContext, library: OpenLibrary) -> None:
    """Tell the user that it has ended, if its dialog is closed by then."""

    def changed(notice: ActivityChanged) -> None:
        activity = notice.activity
        ended = (activity.kind, activity.state) == (ActivityKind.VERIFY, ActivityState.IDLE)
        if not ended or context.dialogs.find(VERIFY) is not None:
            return
        report = library.session.verification.report
        if report is None or report.error:  # a problem is shown anyway
            return
        from lmpt_desktop.ingest.verify import QUIET  # noqa: PLC0415
        from lmpt_desktop.ui.files.verify_report import headline  # noqa: PLC0415

        sound = report.catalogue is None or report.catalogue.sound
        colour = "accent" if sound and QUIET.issuperset(report.counts) else "warning"
        note = context.notifications.notify(
            _("The library was verified"), headline(report), colour=colour
        )
        note.add_button(_("Show report"), lambda: verify_library(context))

    library.bridge.on(ActivityChanged, changed)


VERIFY_COMMANDS: tuple[Command[ShellContext], ...] = (
    Command(
        "file.verify", N_("&Verify library..."), "file", 1, 15, verify_library, (library_open,),
        "", "verify",
        tip=N_("Read all photos again, and find those that are damaged"),
    ),
)  # fmt: skip

# --------------------------------------------------------------- copies and edited photos


def show_copies(context: ShellContext) -> None:
    """Open the dialog about copies."""
    from lmpt_desktop.ui.files.copies_dialog import CopiesDialog  # noqa: PLC0415

    library = context.require_library()
    dialog = CopiesDialog(
        library.session,
        library.undo_stack,
        chosen_ids(library),
        library.thumbnail_source,
        show_images=library.show_images,
        bridge=library.bridge,
        parent=context.dialog_parent,
    )
    context.dialogs.replace("copies", dialog)


# fmt: off
COPIES_AND_EDITS: tuple[Command[ShellContext], ...] = (
    Command("edit.copies", N_("C&opies..."), "edit", 2, 40, show_copies,
            (library_open, has_classes), "", "copies",
            tip=N_("Find photos that are in the library several times, and give all copies the "
                   "same annotations")),
    Command("image.confirm-edited", N_("Annotations still hol&d"), "image", 5, 10,
            edited_photos.confirm, (edited_chosen,), "", "edited",
            tip=N_("The photo was edited, but its annotations are still right")),
    Command("image.separate-edited", N_("Th&is is another photo"), "image", 5, 20,
            edited_photos.separate, (edited_chosen,),
            tip=N_("Give the annotations back to the photo that was there before")),
)
# fmt: on

# ------------------------------------------------------------------------------------------


def attach(context: ShellContext) -> None:
    """Follow each library that is opened."""

    def opened(library: OpenLibrary) -> None:
        from lmpt_desktop.ui.files.followed import FollowedNotification  # noqa: PLC0415
        from lmpt_desktop.ui.files.raw_pairs import RawPairsNotification  # noqa: PLC0415

        _offer_missing(context, library)
        _follow_verification(context, library)
        FollowedNotification(context, library)
        RawPairsNotification(context, library)

    context.opened.connect(opened)


COMMANDS: tuple[Command[ShellContext], ...] = (*MISSING, *VERIFY_COMMANDS, *COPIES_AND_EDITS)
