"""Speaks the encoder's protocol without a model, for tests of the app.

The embedding of a text is a random direction drawn from the text. The feature of a photo is the sum
of the texts in its file name: ``dog+cat_3.jpg`` lies near "dog" and "cat"; with the option
``looks`` it is what the photo looks like, and with ``decodes`` what cannot be decoded fails. With
the option ``windows`` each of these texts is in windows of its own, and the cells of its map are
texts too: :func:`photo_map`. Names that begin with ``crash``, ``crashonce``, ``bad`` or ``hang`` do
what they say; ``FAKE_ENCODER`` (JSON) can change how it starts. With ``--machine`` it says that it
uses another computer or, by the option ``place``, that it does not; with a lost one photos wait.
Every start is noted in ``starts.txt`` beside the output folder.

Tests start hundreds of it, and numpy takes longer to import than everything else: it is imported
only for what no earlier process has computed (:func:`kept`).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import struct
import sys
import time
import zlib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer.box import Box
from trainer.events import (
    PROTOCOL,
    DownloadProgress,
    EncodeHere,
    EncodeMap,
    EncodePhotos,
    EncoderAway,
    EncoderFailed,
    EncoderReady,
    EncodeTexts,
    EncodeTurned,
    MapEncoded,
    Message,
    PhotoFailure,
    PhotosEncoded,
    Place,
    Stop,
    TextsEncoded,
    TurnedEncoded,
    parse_line,
    to_line,
)

if TYPE_CHECKING:
    import numpy as np

DIM = 64
SCALE = 10.0
BIAS = -5.0
WINDOW_OFFSET = 0.05
MAP_SIDE = 6
MAP_BOX = Box(0.125, 0.0, 0.875, 1.0)
"""What a map covers: the middle of a photo that is wider than high."""


@cache
def memory() -> Path:
    """The folder of :func:`kept`: beside the compiled code of this very program."""
    source = Path(__file__)
    version = f"{zlib.crc32(source.read_bytes()):08x}-{DIM}"
    return source.parent / "__pycache__" / f"fake_encoder-{version}"


def kept(kind: str, text: str, make: Callable[[], np.ndarray]) -> bytes:
    """The bytes of what ``make`` makes of a text, from a file that the first process writes."""
    file = memory() / f"{kind}-{text.encode('utf-8', 'surrogateescape').hex()}"
    with contextlib.suppress(OSError):
        return file.read_bytes()
    made = make().tobytes()
    with contextlib.suppress(OSError):  # the name may be too long
        memory().mkdir(parents=True, exist_ok=True)
        new = memory() / f"{os.getpid()}.new"
        new.write_bytes(made)
        new.replace(file)
    return made


def text_vector(text: str) -> np.ndarray:
    """(DIM,) float32, unit norm."""
    import numpy as np

    random = np.random.default_rng(zlib.crc32(os.fsencode(text)))
    vector = random.normal(size=DIM).astype(np.float32)
    return vector / np.linalg.norm(vector)


def photo_vector(path: Path) -> np.ndarray:
    """(DIM,) float32, unit norm."""
    import numpy as np

    names = path.stem.split("_")[0].split("+")
    vector = np.sum([text_vector(name) for name in names], axis=0)
    return vector / np.linalg.norm(vector)


def photo_windows(path: Path) -> np.ndarray:
    """(W, DIM) int8: the texts in the file name, in turns."""
    import numpy as np

    from trainer.windows import BOXES, quantise

    names = path.stem.split("_")[0].split("+")
    windows = np.array([text_vector(names[i % len(names)]) for i in range(len(BOXES))])
    return quantise(windows[None])[0]


def photo_map(path: Path) -> np.ndarray:
    """(MAP_SIDE, MAP_SIDE, DIM) float16: columns of the texts in the file name, from the left."""
    import numpy as np

    names = path.stem.split("_")[0].split("+")
    columns = [text_vector(names[x * len(names) // MAP_SIDE]) for x in range(MAP_SIDE)]
    return np.tile(np.array(columns, np.float16), (MAP_SIDE, 1, 1))


def look(path: Path) -> np.ndarray:
    """(8, 8) float32: the photo, small and grey."""
    import numpy as np
    from PIL import Image

    with Image.open(path) as image:
        return np.asarray(image.convert("L").resize((8, 8), Image.Resampling.BOX), np.float32)


def look_vector(pixels: np.ndarray) -> np.ndarray:
    """(DIM,) float32, unit norm, of (8, 8)."""
    import numpy as np

    vector = pixels.ravel() - pixels.mean()
    return vector / np.linalg.norm(vector)


def why_unreadable(path: Path) -> str:
    """A sentence; "" if it can be decoded."""
    from trainer.photo import UnreadablePhoto, read_photo

    try:
        read_photo(path, at_least=224, to_srgb=False)
    except UnreadablePhoto as error:
        return error.reason
    return ""


def text_single(text: str) -> bytes:
    """:func:`text_vector`, as its bytes."""
    return kept("text", text, lambda: text_vector(text))


def photo_half(path: Path) -> bytes:
    """:func:`photo_vector` in half precision, as its bytes."""
    return kept("photo", path.stem, lambda: photo_vector(path).astype("float16"))


def look_half(path: Path) -> bytes:
    """:func:`look_vector` of a photo in half precision, as its bytes."""
    return look_vector(look(path)).astype("float16").tobytes()


def say(message: Message) -> None:
    sys.stdout.write(to_line(message))
    sys.stdout.flush()


class FakeEncoder:
    def __init__(self, out: Path) -> None:
        self.out = out
        self.count = 0
        self.options = json.loads(os.environ.get("FAKE_ENCODER", "{}"))

    def windows(self) -> int:
        """How many features of parts of it a photo gets."""
        if not self.options.get("windows"):
            return 0
        from trainer.windows import BOXES

        return len(BOXES)

    def start(self, backbone: str, *, gentle: bool = False, in_torch: bool = False) -> None:
        with (self.out.parent / "starts.txt").open("a") as file:
            file.write(
                f"{backbone}{' gently' if gentle else ''}{' in torch' if in_torch else ''}\n"
            )
        failing = self.options.get("fail", {})
        if kind := failing.get(backbone) or failing.get("*"):
            say(EncoderFailed(kind, f"{backbone} cannot be used here."))
            sys.exit(1)
        if self.options.get("crash_without_torch") and not in_torch:
            os._exit(7)
        if self.options.get("crash_at_start"):
            print("a last word before the crash", file=sys.stderr, flush=True)
            os._exit(7)
        if download := self.options.get("download"):
            done, total = download if isinstance(download, list) else (10, 20)
            say(DownloadProgress(backbone, done, total))
        time.sleep(self.options.get("seconds_to_load", 0.0))
        print("not a message", flush=True)
        say(
            EncoderReady(
                PROTOCOL,
                backbone,
                DIM,
                "CPU",
                SCALE,
                self.options.get("bias", BIAS),
                ["{}"],
                windows=self.windows(),
                window_offset=self.options.get("window_offset", WINDOW_OFFSET),
            )
        )

    def photos(self, request: EncodePhotos) -> None:
        if self.options.get("cannot_write"):
            say(EncoderFailed("error", "Features could not be written.", request.request))
            return
        ids, features, windows, failures = [], [], [], []
        looks = self.options.get("looks")
        for image_id, name in zip(request.ids, request.paths, strict=True):
            path = Path(name)
            self.read(path)
            if path.name.startswith("bad"):
                failures.append(PhotoFailure(image_id, "This file is not a photo."))
                continue
            if self.options.get("decodes") and (reason := why_unreadable(path)):
                failures.append(PhotoFailure(image_id, reason))
                continue
            ids.append(image_id)
            features.append(look_half(path) if looks else photo_half(path))
            if self.options.get("windows"):
                windows.append(photo_windows(path).tobytes())
        file = ""
        if ids:
            arrays = {
                "ids": ("I64", [len(ids)], struct.pack(f"<{len(ids)}q", *ids)),
                "features": ("F16", [len(ids), DIM], b"".join(features)),
            }
            if windows:
                arrays["windows"] = ("I8", [len(ids), self.windows(), DIM], b"".join(windows))
            file = self.save(arrays)
        say(PhotosEncoded(request.request, file, len(ids), failures))

    def read(self, path: Path) -> None:
        """Take the time, or crash, as the name of the photo says."""
        time.sleep(self.options.get("seconds_per_photo", 0.0))
        if path.name.startswith("crashonce"):
            marker = self.out.parent / f"{path.name}.crashed"
            if not marker.exists():
                marker.touch()
                os._exit(9)
        elif path.name.startswith("crash"):
            os._exit(9)
        if path.name.startswith("hang"):
            time.sleep(3600)

    def turned(self, request: EncodeTurned) -> None:
        with (self.out.parent / "turned.txt").open("a") as file:
            file.write(f"{request.path}\n")
        path = Path(request.path)
        self.read(path)
        if path.name.startswith("bad"):
            say(TurnedEncoded(request.request, "", "This file is not a photo."))
            return
        import numpy as np

        if self.options.get("looks"):
            features = [look_vector(np.rot90(look(path), turns)) for turns in (1, 2, 3)]
        else:
            features = [text_vector(f"{path.stem} turned {turns}") for turns in (1, 2, 3)]
        halves = np.array(features, np.float16)
        file = self.save({"features": ("F16", [3, DIM], halves.tobytes())})
        say(TurnedEncoded(request.request, file))

    def map(self, request: EncodeMap) -> None:
        with (self.out.parent / "maps.txt").open("a") as file:
            file.write(f"{request.path}\n")
        path = Path(request.path)
        self.read(path)
        if path.name.startswith("bad") or not self.options.get("windows"):
            say(MapEncoded(request.request, "", "This file is not a photo."))
            return
        cells = ("F16", [MAP_SIDE, MAP_SIDE, DIM], photo_map(path).tobytes())
        say(MapEncoded(request.request, self.save({"map": cells}), box=MAP_BOX))

    def texts(self, request: EncodeTexts) -> None:
        if self.options.get("crash_on_texts"):
            os._exit(9)
        features = b"".join(text_single(text) for text in request.texts)
        features_of = ("F32", [len(request.texts), DIM], features)
        say(TextsEncoded(request.request, self.save({"features": features_of})))

    def save(self, arrays: Mapping[str, tuple[str, list[int], bytes]]) -> str:
        """Write a safetensors file; of each array its type, shape and bytes."""
        self.count += 1
        path = self.out / f"{os.getpid()}-{self.count}.safetensors"
        head: dict[str, Any] = {}
        data = b""
        for name, (dtype, shape, part) in arrays.items():
            offsets = [len(data), len(data) + len(part)]
            head[name] = {"dtype": dtype, "shape": shape, "data_offsets": offsets}
            data += part
        text = json.dumps(head).encode()
        text += b" " * (-len(text) % 8)
        path.write_bytes(struct.pack("<Q", len(text)) + text + data)
        return str(path)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--backbone", required=True)
    parser.add_argument("--device", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--gentle", action="store_true")
    parser.add_argument("--torch", action="store_true")
    parser.add_argument("--machine", default="")
    parser.add_argument("--folder", nargs=2, action="append", default=[])
    arguments = parser.parse_args()
    encoder = FakeEncoder(arguments.out)
    encoder.start(arguments.backbone, gentle=arguments.gentle, in_torch=arguments.torch)
    held: list[EncodePhotos] | None = None
    if machine := arguments.machine:
        place = Place(encoder.options.get("place", "there"))
        say(EncoderAway(machine, place, "H200" if place is Place.THERE else "", "So it is."))
        held = [] if place is Place.LOST else None
    for line in sys.stdin:
        match parse_line(line):
            case EncodePhotos() as request if held is not None:
                held.append(request)
            case EncodePhotos() as request:
                encoder.photos(request)
            case EncodeHere():
                say(EncoderAway(machine, Place.HERE))
                for request in held or ():
                    encoder.photos(request)
                held = None
            case EncodeTexts() as request:
                encoder.texts(request)
            case EncodeTurned() as request:
                encoder.turned(request)
            case EncodeMap() as request:
                encoder.map(request)
            case Stop():
                return


if __name__ == "__main__":
    main()
