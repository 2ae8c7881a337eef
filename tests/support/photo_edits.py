"""What people do to a photo in other programs, drawn with Pillow.

``EDITS`` are ordinary edits; ``HEAVY`` leave so little of the photo that not recognising it is no
fault.  Each is a function of an upright RGB image that returns another one.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

Edit = Callable[[Image.Image], Image.Image]


def _gamma(value: float) -> Edit:
    table = [round(255 * (level / 255) ** value) for level in range(256)] * 3
    return lambda image: image.point(table)


def _brightness(factor: float) -> Edit:
    return lambda image: ImageEnhance.Brightness(image).enhance(factor)


def _contrast(factor: float) -> Edit:
    return lambda image: ImageEnhance.Contrast(image).enhance(factor)


def _saturation(factor: float) -> Edit:
    return lambda image: ImageEnhance.Color(image).enhance(factor)


def _black_and_white(image: Image.Image) -> Image.Image:
    return ImageOps.grayscale(image).convert("RGB")


def _sepia(image: Image.Image) -> Image.Image:
    return ImageOps.colorize(ImageOps.grayscale(image), "#2b1b0e", "#fff1d6", mid="#9b7653")


def _warm(image: Image.Image) -> Image.Image:
    values = np.asarray(image, np.float32) * np.array([1.15, 1.0, 0.8], np.float32)
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


def _crop(share: float, across: float = 0.5, down: float = 0.5) -> Edit:
    """Keep ``share`` of width and height; ``across`` and ``down`` say where, in [0, 1]."""

    def edit(image: Image.Image) -> Image.Image:
        width, height = round(image.width * share), round(image.height * share)
        left, top = round((image.width - width) * across), round((image.height - height) * down)
        return image.crop((left, top, left + width, top + height))

    return edit


def _square(image: Image.Image) -> Image.Image:
    side = min(image.size)
    return ImageOps.fit(image, (side, side))


def _straighten(degrees: float) -> Edit:
    """Rotate, and crop to the largest upright rectangle of the same shape."""

    def edit(image: Image.Image) -> Image.Image:
        turned = image.rotate(degrees, Image.Resampling.BICUBIC)
        angle = np.radians(abs(degrees))
        longer, shorter = max(image.size), min(image.size)
        share = 1 / (np.cos(angle) + longer / shorter * np.sin(angle))
        return _crop(float(share))(turned)

    return edit


def _turn(how: Image.Transpose) -> Edit:
    return lambda image: image.transpose(how)


def _smaller(divisor: int) -> Edit:
    return lambda image: image.resize(
        (image.width // divisor, image.height // divisor), Image.Resampling.LANCZOS
    )


def _jpeg(quality: int) -> Edit:
    def edit(image: Image.Image) -> Image.Image:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality)
        return Image.open(io.BytesIO(file.getvalue())).convert("RGB")

    return edit


def _sharpen(image: Image.Image) -> Image.Image:
    return image.filter(ImageFilter.UnsharpMask(3, 200, 0))


def _blur(radius: float) -> Edit:
    return lambda image: image.filter(ImageFilter.GaussianBlur(radius))


def _noise(image: Image.Image) -> Image.Image:
    drawn = np.random.default_rng(0).normal(0, 15, (image.height, image.width, 3))
    return Image.fromarray((np.asarray(image) + drawn).clip(0, 255).astype(np.uint8))


def _write(image: Image.Image, text: str, place: tuple[float, float], share: float) -> None:
    font = ImageFont.load_default(image.height * share)
    at = (image.width * place[0], image.height * place[1])
    ImageDraw.Draw(image).text(at, text, "white", font, stroke_width=2, stroke_fill="black")


def _caption(image: Image.Image) -> Image.Image:
    written = image.copy()
    _write(written, "Summer holidays 2024", (0.05, 0.85), 0.08)
    return written


def _watermark(image: Image.Image) -> Image.Image:
    marked = image.copy()
    for row in range(5):
        _write(marked, "© example studio   © example studio", (0.02, 0.2 * row), 0.06)
    return Image.blend(image, marked, 0.45)


def _retouch(image: Image.Image) -> Image.Image:
    """A few spots painted over with what is around them."""
    soft = image.filter(ImageFilter.GaussianBlur(image.height / 20))
    mask = Image.new("L", image.size)
    draw = ImageDraw.Draw(mask)
    for across, down in ((0.3, 0.4), (0.5, 0.55), (0.7, 0.35)):
        radius, x, y = image.height * 0.04, image.width * across, image.height * down
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), 255)
    return Image.composite(soft, image, mask)


def _border(image: Image.Image) -> Image.Image:
    return ImageOps.expand(image, round(min(image.size) * 0.08), "white")


def _vignette(image: Image.Image) -> Image.Image:
    y, x = np.mgrid[-1 : 1 : image.height * 1j, -1 : 1 : image.width * 1j]
    light = 1 - 0.6 * np.minimum(1, (x**2 + y**2) / 2)
    return Image.fromarray((np.asarray(image) * light[..., None]).astype(np.uint8))


def _posterise(image: Image.Image) -> Image.Image:
    return ImageOps.posterize(image, 2)


def _solarise(image: Image.Image) -> Image.Image:
    return ImageOps.solarize(image)


def _all_of(*edits: Edit) -> Edit:
    def edit(image: Image.Image) -> Image.Image:
        for one in edits:
            image = one(image)
        return image

    return edit


_MIRROR = Image.Transpose.FLIP_LEFT_RIGHT

EDITS: dict[str, Edit] = {
    "brighter (x 1.4)": _brightness(1.4),
    "darker (x 0.6)": _brightness(0.6),
    "contrast x 1.5": _contrast(1.5),
    "contrast x 0.6": _contrast(0.6),
    "saturation x 1.8": _saturation(1.8),
    "saturation x 0.4": _saturation(0.4),
    "gamma 0.6": _gamma(0.6),
    "gamma 1.6": _gamma(1.6),
    "automatic contrast": lambda image: ImageOps.autocontrast(image, 1),
    "warmer": _warm,
    "black and white": _black_and_white,
    "sepia": _sepia,
    "crop to 90 %": _crop(0.9),
    "crop to 80 %, a corner": _crop(0.8, 0, 1),
    "crop to 60 %": _crop(0.6),
    "crop to a square": _square,
    "straighten by 3 degrees": _straighten(3),
    "straighten by 8 degrees": _straighten(8),
    "turn by 90 degrees": _turn(Image.Transpose.ROTATE_90),
    "turn by 180 degrees": _turn(Image.Transpose.ROTATE_180),
    "mirror": _turn(_MIRROR),
    "a quarter of the size": _smaller(4),
    "JPEG, quality 30": _jpeg(30),
    "sharpen": _sharpen,
    "blur, 1 pixel": _blur(1),
    "noise": _noise,
    "caption written on it": _caption,
    "watermark": _watermark,
    "retouched spots": _retouch,
    "white border": _border,
    "vignette": _vignette,
    "crop 80 %, contrast, saturation": _all_of(_crop(0.8), _contrast(1.3), _saturation(1.3)),
    "straighten, darker, a quarter": _all_of(_straighten(3), _brightness(0.8), _smaller(4)),
    "black and white, crop 80 %": _all_of(_black_and_white, _crop(0.8)),
    "mirror, warmer, border": _all_of(_turn(_MIRROR), _warm, _border),
}

HEAVY: dict[str, Edit] = {
    "crop to 50 %, a corner": _crop(0.5, 1, 0),
    "blur, 4 pixels": _blur(4),
    "negative": ImageOps.invert,
    "posterise to 2 bits": _posterise,
    "solarise": _solarise,
    "black and white, crop 60 %, contrast": _all_of(_black_and_white, _crop(0.6), _contrast(1.5)),
    "turn by 90 degrees, sepia": _all_of(_turn(Image.Transpose.ROTATE_90), _sepia),
}

_SIDEWAYS = _turn(Image.Transpose.ROTATE_90)

TURNS: dict[str, Edit] = {
    "turn by 90 degrees": _SIDEWAYS,
    "turn by 180 degrees": _turn(Image.Transpose.ROTATE_180),
    "turn by 270 degrees, half the size": _all_of(_turn(Image.Transpose.ROTATE_270), _smaller(2)),
    "turn by 90 degrees, mirror": _turn(Image.Transpose.TRANSPOSE),
    "turn by 90 degrees, crop to 90 %": _all_of(_SIDEWAYS, _crop(0.9)),
    "turn by 90 degrees, crop to 80 %": _all_of(_SIDEWAYS, _crop(0.8)),
    "turn by 90 degrees, contrast, saturation": _all_of(
        _SIDEWAYS, _contrast(1.3), _saturation(1.3)
    ),
    "turn by 90 degrees, black and white": _all_of(_SIDEWAYS, _black_and_white),
}
"""Pixels turned, perhaps with another edit."""
