"""Answers as an encoder on another computer that means no good, or is broken: instead of ``ssh``,
``hostile_far_encoder.py MODE ...``.  It is honest about the first photo, by which it is known.
"""

from __future__ import annotations

import io
import itertools
import os
import sys

import numpy as np
from flat_model import DIM, SIDE, WINDOWS, FlatModel
from PIL import Image

from trainer.events import FarEncoder, FarFeatures, FarHello, FarPhotos, PhotoFailure, parse_line
from trainer.remote import PROTOCOL
from trainer.remote.encode_there import Voice

mode = sys.argv[1]
voice = Voice(sys.stdout.buffer)
model = FlatModel()
voice.say(FarHello(PROTOCOL, "9.9.9\x1b[31m"))
voice.say(FarEncoder(10**9 if mode == "huge" else DIM, WINDOWS, SIDE, "GPU\x1b[31m"))
honest = True
while line := sys.stdin.buffer.readline():
    request = parse_line(line.decode())
    if not isinstance(request, FarPhotos):
        continue
    data = [sys.stdin.buffer.read(size) for size in request.sizes]
    count = len(data)
    pixels = np.stack([np.asarray(Image.open(io.BytesIO(item))) for item in data])
    made, windows = model.encode_with_windows(pixels.transpose(0, 3, 1, 2))
    features, parts = made.astype(np.float16), windows.tobytes()
    number, failures, missing = request.number, [], []
    if not honest:
        if mode == "not-finite":
            features[0, 0] = np.nan
        elif mode == "not-unit":
            features *= 3
        elif mode == "another-number":
            number += 1000
        elif mode == "other-photos":
            failures = [PhotoFailure(count + 5, "no")]
        elif mode == "twice":
            failures, missing = [PhotoFailure(0, "no")], [0]
        elif mode == "endless-line":
            while True:
                os.write(1, b"x" * (1 << 20))
        elif mode == "endless-lines":
            for step in itertools.count():
                voice.say(FarHello(PROTOCOL, str(step)))
    voice.say(FarFeatures(number, failures, missing), (features.tobytes(), parts))
    honest = False
