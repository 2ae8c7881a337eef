"""Another computer that encodes photos for this one: is it reached, and what to do meanwhile
(imports no torch).

A thread keeps a connection from the first photo on.  While there is none, photos wait; after
:data:`HERE_SECONDS` they are encoded here, until there is one again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from trainer.backbone_folder import LOCAL_DIR
from trainer.backbone_probe import SAME_BACKBONE, probe_picture
from trainer.computer import cores
from trainer.encoding_model import EncodingModel
from trainer.events import EncoderAway, FarEncoder, Place
from trainer.photo_encoder import stacked
from trainer.printable import one_line
from trainer.remote.courier import PAUSES
from trainer.remote.link import Link
from trainer.remote.machine import SshMachine
from trainer.remote.trouble import MachineError, Trouble
from trainer.suggested import weights_file
from trainer.threads import begun_pool, start_thread

log = logging.getLogger(__name__)

HERE_SECONDS = 120.0
"""Without a connection for so long, photos are encoded here."""
LOAD_SECONDS = 60.0
"""Between two lines while a backbone is loaded there: there is one every five seconds."""
PROBE_SECONDS = 120.0
MOST_ENDS = 3
"""So often in a row a connection may end without having answered a request."""
FINAL = frozenset(
    {
        Trouble.BAD_NAME,
        Trouble.NO_SSH,
        Trouble.HOST_KEY,
        Trouble.DENIED,
        Trouble.NO_TRAINER,
        Trouble.TOO_OLD,
        Trouble.TOO_NEW,
        Trouble.NO_BACKBONE,
        Trouble.OTHER_BACKBONE,
        Trouble.BAD_FEATURES,
        Trouble.FLOOD,
    }
)
"""What no further attempt mends."""


class OtherComputer:
    """Keeps a connection to one computer, for one backbone."""

    def __init__(
        self,
        machine: SshMachine,
        backbone: EncodingModel,
        say: Callable[[EncoderAway], None],
        *,
        folders: Mapping[str, str] | None = None,
        pauses: Sequence[float] = PAUSES,
        here_seconds: float = HERE_SECONDS,
    ) -> None:
        """Nothing is connected before :meth:`now` is called.

        Args:
            machine: the other computer.
            backbone: of this one, which it must have, too.
            say: told where photos are encoded, whenever that changes.
            folders: those of this computer that the other one sees, and what they are called there.
            pauses: seconds before each further attempt; the last one is repeated.
            here_seconds: see :data:`HERE_SECONDS`.
        """
        self.folders = dict(folders or {})
        self._machine = machine
        self._backbone = backbone
        self._say = say
        self._pauses = pauses
        self._here_seconds = here_seconds
        self._changed = threading.Condition()
        self._closed = threading.Event()
        self._link: Link | None = None
        self._lost_since: float | None = None
        self._begun = False
        self._reason = ""
        self._refused = self._unwanted = False
        self._not_found = 0
        self._said: EncoderAway | None = None
        self._device = ""
        self._pool = begun_pool(min(8, cores()), "packing")
        pixels = backbone.preparation(probe_picture())
        self._probe = pixels
        self._expected = backbone.encode_with_windows(stacked([pixels]))[0][0]
        if trouble := self._unsuitable():
            self._begun = True
            self._refuse(MachineError(trouble))

    def now(self) -> tuple[Link | None, bool]:
        """The connection, if there is one, and whether to encode here because there is none."""
        with self._changed:
            begin, self._begun = not (self._begun or self._unwanted), True
            if begin:
                self._lost_since = time.monotonic()
        if begin:
            self._tell(Place.CONNECTING)
            start_thread(self._keep_or_say, "connection")
        with self._changed:
            link, since = self._link, self._lost_since
            here = self._refused or self._unwanted
            late = since is not None and time.monotonic() - since >= self._here_seconds
            reason = self._reason
        if link is not None and not here:
            return link, False
        if late and not here:
            self._tell(Place.HERE, reason)
        return None, here or late

    def wait(self, seconds: float) -> None:
        """Wait until something has changed, but no longer than this."""
        with self._changed:
            self._changed.wait(seconds)

    def encode_here(self) -> None:
        """The user does not want to wait for it."""
        with self._changed:
            if self._refused or self._unwanted:
                return
            self._unwanted = True
            self._changed.notify_all()
        self._tell(Place.HERE)
        self._machine.close()

    def has_answered(self) -> None:
        """It has encoded photos: it works."""
        self._lost_since = None

    def did_not_find(self, count: int, *, of: int) -> None:
        """It did not find ``count`` of ``of`` photos in its own folders."""
        self._not_found += count
        if count == of == self._not_found:
            log.warning("none of the photos are in %s there", [*self.folders.values()])
            self.folders.clear()
        self._tell(Place.THERE)

    def disconnect(self) -> None:
        """End the connection at once, also one that is being made, and make no more; from any
        thread."""
        self._closed.set()
        self._machine.close()
        self._notify()

    def close(self) -> None:
        """Disconnect, and pack nothing more."""
        self.disconnect()
        self._pool.shutdown(wait=False, cancel_futures=True)

    # ------------------------------------------------------------------------------ inside

    def _unsuitable(self) -> Trouble | None:
        """Why this backbone cannot be used there, before anything is asked."""
        name = self._backbone.name
        if name.startswith(LOCAL_DIR) or weights_file(name) is not None:
            return Trouble.OWN_WEIGHTS
        return None if np.asarray(self._probe).dtype == np.uint8 else Trouble.NO_PIXELS

    def _keep_or_say(self) -> None:
        try:
            self._keep()
        except Exception as error:  # whoever waits is told
            if not self._closed.is_set():
                log.exception("the connection cannot be kept")
                self._refuse(MachineError(Trouble.OTHER, str(error)))

    def _keep(self) -> None:
        failures = ends = 0
        while not self._closed.is_set() and not self._unwanted:
            try:
                link = self._connect()
            except MachineError as error:
                trouble = error
            else:
                with self._changed:
                    self._link = link
                    self._changed.notify_all()
                    wanted = not self._unwanted
                if wanted:
                    self._tell(Place.THERE)
                link.join()
                with self._changed:
                    self._link = None
                    if self._lost_since is None:
                        self._lost_since = time.monotonic()
                    self._changed.notify_all()
                trouble = link.ended or MachineError(Trouble.CUT)
                if link.answered > 1:  # more than the probe
                    failures = ends = 0
                elif link.waiting:
                    ends += 1
            if self._unwanted:
                self._tell(Place.HERE)
            if self._closed.is_set() or self._unwanted:
                return
            log.warning("%s %s", trouble, trouble.detail)
            if ends >= MOST_ENDS:
                trouble = MachineError(Trouble.KEEPS_ENDING, trouble.detail)
            if ends >= MOST_ENDS or trouble.trouble in FINAL:
                self._refuse(trouble)
                return
            self._reason = trouble.trouble.sentence
            if self._said is not None and self._said.place is not Place.HERE:
                self._tell(Place.LOST, self._reason)
            self._closed.wait(self._pauses[min(failures, len(self._pauses) - 1)])
            failures += 1

    def _connect(self) -> Link:
        """A connection to the same backbone.

        Raises:
            MachineError: if there can be none.
        """
        connection = self._machine.connect("encode", "--backbone", self._backbone.name)
        try:
            connection.patience(LOAD_SECONDS)
            messages = connection.messages()
            there = next((m for m in messages if isinstance(m, FarEncoder)), None)
            if there is None:
                raise MachineError(Trouble.OTHER)
            mine = self._backbone
            if (there.dim, there.windows, there.side) != (mine.dim, mine.windows, mine.input_side):
                raise MachineError(Trouble.OTHER_BACKBONE)
            link = Link(connection, there, self._pool, self._notify)
        except BaseException:
            connection.close()
            raise
        try:
            self._check(link)
        except BaseException:
            link.close()
            raise
        self._device = one_line(there.device[:80])
        return link

    def _check(self, link: Link) -> None:
        """Encode a picture that never changes, and compare."""
        number = link.send([self._probe])
        deadline = time.monotonic() + PROBE_SECONDS
        while (answer := link.answer(number)) is None:
            if link.ended is not None:
                raise link.ended
            if time.monotonic() > deadline or self._closed.is_set():
                raise MachineError(Trouble.SILENT)
            self.wait(0.2)
        if len(answer.features) != 1:
            raise MachineError(Trouble.OTHER_BACKBONE)
        cosine = float(answer.features[0].astype(np.float32) @ self._expected)
        if not cosine >= SAME_BACKBONE:
            raise MachineError(Trouble.OTHER_BACKBONE, f"cosine {cosine:.4f}")

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _refuse(self, error: MachineError) -> None:
        with self._changed:
            self._refused = True
            self._changed.notify_all()
        self._tell(Place.REFUSED, error.trouble.sentence)

    def _tell(self, place: Place, reason: str = "") -> None:
        device = self._device if place is Place.THERE else ""
        said = EncoderAway(self._machine.destination, place, device, reason, self._not_found)
        if said != self._said:
            self._said = said
            log.info("%s: %s %s", said.machine, place, reason)
            self._say(said)
