"""``lmpt-trainer`` of another computer whose backbone is :class:`flat_model.FlatModel`:
``flat_far_side.py SEED LOG remote encode ...``.

A line in LOG for every request that was answered.  With a file ``LOG.cut`` it ends without a word
after three requests, and removes that file.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from flat_model import FlatModel

from trainer.__main__ import main
from trainer.events import FarFeatures, Message
from trainer.remote import encode_there

seed, log = int(sys.argv[1]), Path(sys.argv[2])
cut = Path(f"{log}.cut")
said = encode_there.Voice.say
answers = 0


def say(self: encode_there.Voice, message: Message, data: Sequence[bytes] = ()) -> None:
    global answers  # noqa: PLW0603
    if isinstance(message, FarFeatures):
        answers += 1
        if answers > 3 and cut.exists():
            cut.unlink()
            os._exit(9)
        with log.open("a") as lines:
            lines.write(data[0].hex() + "\n")
    said(self, message, data)


encode_there.load_encoder = lambda *_arguments, **_options: FlatModel(seed)
encode_there.Voice.say = say
sys.argv[1:3] = []
sys.exit(main())
