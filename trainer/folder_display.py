"""Encoding a folder at a terminal: a progress bar and what was made (imports no torch)."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from trainer.events import (
    DownloadProgress,
    EncoderFailed,
    EncoderReady,
    FolderEncoded,
    FolderProgress,
    Message,
)
from trainer.printable import one_line
from trainer.terminal import say


class FolderDisplay:
    """Shows the events of ``encode-folder``; use as a context manager."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=console,
            disable=not console.is_terminal,
        )
        self._bar = self._progress.add_task("Loading", total=None, note="")

    def __enter__(self) -> FolderDisplay:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def __call__(self, event: Message) -> None:
        match event:
            case DownloadProgress():
                self._progress.update(
                    self._bar,
                    description="Downloading",
                    completed=event.done_bytes,
                    total=event.total_bytes or None,
                )
            case EncoderReady():
                self._progress.update(self._bar, description="Encoding", completed=0, total=None)
                say(self._progress.console, one_line(f"{event.backbone} on {event.device}"))
            case FolderProgress():
                self._progress.update(
                    self._bar,
                    completed=event.done,
                    total=event.total or None,
                    note=f"{event.photos_per_second:.1f} photos/s",
                )
            case FolderEncoded():
                self._progress.stop()
                say(
                    self._console,
                    f"{event.photos:,} photos: {event.encoded:,} encoded, {event.copies:,} copies, "
                    f"{event.refused:,} refused; it took {event.seconds:.1f} s.",
                )
                say(self._console, one_line(event.folder))
            case EncoderFailed():
                self._progress.stop()
            case _:
                pass
