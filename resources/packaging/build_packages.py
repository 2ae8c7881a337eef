"""Build the packages of this system: a folder with everything, on Linux a .deb and an AppImage.

Needs Python with venv and pip; on Linux dpkg-deb, and for the AppImage appimagetool, which is left
out with a word where it is not found.  docs/packaging.md says how to call this, and what came out.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RESOURCES = ROOT / "resources"
APP = "lmpt-desktop"
COMPONENT = "io.github.lmpt_desktop.LMPTDesktop"
TOOLS = ("pyinstaller>=6.16", "cyclonedx-bom>=7", "hatchling>=1.25", "editables>=0.5")
SAMPLES = "scikit-image"
"""Carries the sample photos; nothing else of it is used, nor what it needs."""
HEIC = "pi-heif>=1.3", "pillow-heif"
"""The reader without the encoder, which is under the GPL alone, and the one it replaces."""
TORCH = ("torch", "torchvision")

DEPENDS = (
    *("libc6 (>= {glibc})", "libstdc++6", "libgcc-s1", "libegl1", "libgl1", "libx11-6"),
    *("libx11-xcb1", "libxext6", "libxcb1", "libfontconfig1", "libfreetype6", "libdbus-1-3"),
    *("libwayland-client0", "libwayland-cursor0", "libwayland-egl1"),
    *("libglib2.0-0 | libglib2.0-0t64", "fonts-dejavu-core | fonts-noto-core | fonts-liberation"),
)
"""What the .deb asks of the system: drivers, fonts and the X server's own libraries belong to it
and are not in the bundle.  X itself, or a compositor, is the user's."""


@dataclass(frozen=True)
class Names:
    """Names of what is built: they depend on the version and the machine alone."""

    version: str
    machine: str

    @property
    def deb(self) -> str:
        architecture = {"x86_64": "amd64", "aarch64": "arm64"}.get(self.machine, self.machine)
        return f"{APP}_{self.version}_{architecture}.deb"

    @property
    def appimage(self) -> str:
        return f"LMPT_Desktop-{self.version}-{self.machine}.AppImage"

    @property
    def archive(self) -> str:
        return f"{APP}-{self.version}-{sys.platform}-{self.machine}.tar.gz"


def main() -> int:
    """Build what was asked for; the exit code says whether all of it is there."""
    arguments = _arguments()
    out, work = arguments.out.resolve(), arguments.work.resolve()
    for folder in (out, work):
        folder.mkdir(parents=True, exist_ok=True)
    environment = _environment()
    names = Names(project_version(), platform.machine())
    try:
        python = arguments.python or _install(work, arguments.torch_index, arguments.torch)
        _check_torch(python)
        folder = _freeze(python, work, names.version, environment)
        if sys.platform == "linux":
            _strip(folder)
        _collect_licences(python, work, folder)
        made = []
        if sys.platform == "linux":
            made.append(_deb(folder, work / "deb", out / names.deb, names.version, environment))
            appimage = _appimage(folder, work, out / names.appimage, environment)
            made += [appimage] if appimage else []
        else:
            made.append(_archive(folder.parent, out / names.archive))
        write_sums(made, out / "SHA256SUMS")
    except subprocess.CalledProcessError as error:
        print(f"Failed: {' '.join(map(str, error.cmd))}", file=sys.stderr)
        return 1
    for path in made:
        print(f"{path}  {path.stat().st_size / 1e6:.0f} MB")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="where packages go")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "package")
    parser.add_argument(
        "--torch-index", help="package index with torch for the CPU, as PyTorch's own"
    )
    parser.add_argument(
        "--torch", nargs="+", help="other requirements for torch and torchvision than the lock file"
    )
    parser.add_argument(
        "--python", type=Path, help="use this environment, with everything installed, as it is"
    )
    return parser.parse_args()


def project_version() -> str:
    """The version, from its one source."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return str(tomllib.loads(text)["project"]["version"])


def _environment() -> dict[str, str]:
    """Without what makes two builds differ: the order of sets, and the time."""
    time = (
        os.environ.get("SOURCE_DATE_EPOCH")
        or subprocess.run(
            ["git", "log", "-1", "--format=%ct"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        ).stdout.strip()
    )
    return {
        **os.environ,
        "PYTHONHASHSEED": "1",
        "SOURCE_DATE_EPOCH": time or "1735689600",
        "QT_QPA_PLATFORM": "offscreen",
    }


# ------------------------------------------------------------------------------ what goes in


def _install(work: Path, index: str | None, torch: Sequence[str] | None) -> Path:
    """An environment with the app, and torch for the CPU."""
    venv = work / "venv"
    python = venv / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    # PyInstaller compiles by itself what it takes.
    pip = [
        *(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        "--no-compile",
    ]
    locked = _locked()
    limits = work / "constraints.txt"
    limits.write_text("".join(f"{a}=={b}\n" for a, b in locked.items()), encoding="utf-8")
    if torch is None:
        torch = [f"{name}=={locked[name]}" if name in locked else name for name in TORCH]
    subprocess.run([*pip, *(("--index-url", index) if index else ()), *torch], check=True)
    other = [line for line in limits.read_text().splitlines() if line.split("==")[0] not in TORCH]
    limits.write_text("\n".join(other) + "\n", encoding="utf-8")
    subprocess.run([*pip, "--constraint", str(limits), *TOOLS], check=True)
    subprocess.run(
        [*pip, "--constraint", str(limits), "--no-build-isolation", str(ROOT)], check=True
    )
    reader, replaced = HEIC
    subprocess.run([str(python), "-m", "pip", "uninstall", "--quiet", "-y", replaced], check=True)
    subprocess.run([*pip, reader], check=True)
    subprocess.run([*pip, "--no-deps", "--constraint", str(limits), SAMPLES], check=True)
    return python


def _locked() -> dict[str, str]:
    """The versions of the lock file, of use on other systems too."""
    lines = (ROOT / "requirements" / "linux-x86_64-python3.11.txt").read_text().splitlines()
    found = {}
    for line in lines:
        name, equal, rest = line.partition("==")
        if equal and not line.startswith((" ", "#")) and not name.startswith(("nvidia", "triton")):
            found[name.split("[")[0]] = rest.split(" ")[0].split(";")[0]
    return found


def _check_torch(python: Path) -> None:
    """Stop if this torch brings CUDA's libraries: they are two gigabytes."""
    if sys.platform == "darwin":
        return
    done = subprocess.run(
        [str(python), "-c", "import torch; print(torch.version.cuda or '')"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    if cuda := done.stdout.strip():
        sys.exit(
            f"This torch was made for CUDA {cuda}, and the package would be over 2 GB. Give "
            "--torch-index an index with torch for the CPU (docs/packaging.md)."
        )


def _freeze(python: Path, work: Path, version: str, environment: Mapping[str, str]) -> Path:
    """The folder with the programs."""
    icon = f"""
from PySide6.QtGui import QGuiApplication, QImage, QPainter
from PySide6.QtSvg import QSvgRenderer
app = QGuiApplication([])
image = QImage(1024, 1024, QImage.Format.Format_ARGB32)
image.fill(0)
painter = QPainter(image)
QSvgRenderer({str(RESOURCES / "icons" / f"{APP}.svg")!r}).render(painter)
painter.end()
image.save({str(work / "icon.png")!r})
"""
    subprocess.run([str(python), "-c", icon], check=True, env=environment)
    subprocess.run(
        [
            *(str(python), "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN"),
            *("--distpath", str(work / "folder"), "--workpath", str(work / "pyinstaller")),
            str(HERE / "lmpt_desktop.spec"),
        ],
        check=True,
        env={**environment, "LMPT_PACKAGE_WORK": str(work), "LMPT_PACKAGE_VERSION": version},
    )
    return work / "folder" / APP


def _strip(folder: Path) -> None:
    """Take away the names that only a debugger reads: a fifth of the libraries.

    A library whose wheel was made with an older patchelf can come out of this with segments where
    no loader takes them; it is left as it was.
    """
    if not shutil.which("strip"):
        print("Libraries keep their debuggers' names: strip was not found (binutils)")
        return
    before = after = 0
    small = folder / "stripped"
    for path in sorted(folder.rglob("*.so*")):
        if path.is_symlink() or not path.is_file() or not _is_elf(path):
            continue
        size = path.stat().st_size
        before += size
        done = subprocess.run(
            ["strip", "--strip-unneeded", "-o", str(small), str(path)],
            stderr=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        if done.returncode == 0 and loads(_segments(small)):
            shutil.copymode(path, small)
            small.replace(path)
        after += path.stat().st_size
    small.unlink(missing_ok=True)
    print(f"Libraries: {before / 1e6:.0f} MB, without debuggers' names {after / 1e6:.0f} MB")


def _is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def _segments(path: Path) -> str:
    done = subprocess.run(
        ["readelf", "--segments", "--wide", str(path)],
        capture_output=True, text=True, check=True, env={**os.environ, "LC_ALL": "C"},
    )  # fmt: skip
    return done.stdout


def loads(segments: str) -> bool:
    """Whether a loader takes a library: each segment's place in the file and in memory have to be
    alike modulo its alignment.

    Args:
        segments: what ``readelf --segments --wide`` says.
    """
    rows = [line.split() for line in segments.splitlines() if line.split()[:1] == ["LOAD"]]
    return bool(rows) and all(
        (int(row[1], 16) - int(row[2], 16)) % int(row[-1], 16) == 0 for row in rows
    )


def _collect_licences(python: Path, work: Path, folder: Path) -> None:
    sbom = work / "sbom.json"
    subprocess.run(
        [
            *(str(python), "-m", "cyclonedx_py", "environment", "--output-reproducible"),
            *("--output-file", str(sbom), str(python)),
        ],
        check=True,
    )
    third = HERE / "third_party.py"
    out = folder / "_internal" / "licenses"
    subprocess.run(
        [str(python), str(third), str(work / "bundled.json"), str(sbom), str(out)], check=True
    )


# --------------------------------------------------------------------------------- packages


def _deb(folder: Path, tree: Path, out: Path, version: str, environment: Mapping[str, str]) -> Path:
    """A Debian package with the folder in /usr/lib."""
    if tree.exists():
        shutil.rmtree(tree)
    _share(tree / "usr", environment)
    target = tree / "usr" / "lib" / APP
    shutil.copytree(folder, target, symlinks=True)
    links = tree / "usr" / "bin"
    links.mkdir(parents=True)
    for program in (APP, "lmpt-trainer"):
        (links / program).symlink_to(f"../lib/{APP}/{program}")
    documents = tree / "usr" / "share" / "doc" / APP
    documents.mkdir(parents=True)
    shutil.copyfile(folder / "_internal" / "licenses" / "THIRD-PARTY.txt", documents / "copyright")
    size = sum(path.lstat().st_size for path in tree.rglob("*")) // 1024
    control = tree / "DEBIAN" / "control"
    control.parent.mkdir()
    control.write_text(control_text(out.name, version, size, _glibc()), encoding="utf-8")
    _set_times(tree, int(environment["SOURCE_DATE_EPOCH"]))
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Zzstd", "-z19", "--build", str(tree), str(out)],
        check=True,
        env=environment,
    )
    shutil.rmtree(tree)
    return out


def control_text(file_name: str, version: str, kilobytes: int, glibc: str) -> str:
    """The .deb's control file."""
    architecture = file_name.removesuffix(".deb").rsplit("_", 1)[1]
    depends = ", ".join(DEPENDS).format(glibc=glibc)
    return f"""Package: {APP}
Version: {version}
Architecture: {architecture}
Maintainer: The LMPT Desktop developers <lmpt-desktop@localhost>
Installed-Size: {kilobytes}
Depends: {depends}
Section: graphics
Priority: optional
Description: tag a photo library with many classes, the rare ones included
 Shows predictions for every photo with rare classes marked, keeps corrections,
 and learns from them the words in front of each class name. A small model is
 included, and no network is needed.
"""


def _glibc() -> str:
    """The newest version that a library of the bundle asks for is at most that of this system."""
    return platform.libc_ver()[1]


def _share(prefix: Path, environment: Mapping[str, str]) -> None:
    """Desktop entry, icon, metainfo and the manual's pages."""
    for source, target in (
        (RESOURCES / f"{APP}.desktop", f"share/applications/{APP}.desktop"),
        (RESOURCES / "icons" / f"{APP}.svg", f"share/icons/hicolor/scalable/apps/{APP}.svg"),
        (HERE / f"{COMPONENT}.metainfo.xml", f"share/metainfo/{COMPONENT}.metainfo.xml"),
    ):
        path = prefix / target
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, path)
    manuals = prefix / "share" / "man" / "man1"
    manuals.mkdir(parents=True)
    for page in sorted(HERE.glob("*.1")):
        subprocess.run(
            ["gzip", "-9n", "-c", str(page)],
            stdout=(manuals / f"{page.name}.gz").open("wb"),
            check=True,
            env=environment,
        )


def _appimage(folder: Path, work: Path, out: Path, environment: Mapping[str, str]) -> Path | None:
    """An AppImage, if there is an appimagetool."""
    tool = os.environ.get("APPIMAGETOOL") or shutil.which("appimagetool")
    if not tool:
        print("No AppImage: appimagetool was not found (APPIMAGETOOL names one)")
        return None
    tree = work / "AppDir"
    if tree.exists():
        shutil.rmtree(tree)
    _share(tree / "usr", environment)
    shutil.copytree(folder, tree / "usr" / "lib" / APP, symlinks=True)
    run = tree / "AppRun"
    shutil.copyfile(HERE / "AppRun", run)
    run.chmod(0o755)
    shutil.copyfile(RESOURCES / f"{APP}.desktop", tree / f"{APP}.desktop")
    shutil.copyfile(RESOURCES / "icons" / f"{APP}.svg", tree / f"{APP}.svg")
    _set_times(tree, int(environment["SOURCE_DATE_EPOCH"]))
    # appimagetool passes the time to mksquashfs, which takes it from one place only.
    quiet = {name: value for name, value in environment.items() if name != "SOURCE_DATE_EPOCH"}
    options = os.environ.get("APPIMAGETOOL_OPTIONS", "").split()
    subprocess.run(
        [tool, "--no-appstream", *options, str(tree), str(out)],
        check=True,
        env={**quiet, "ARCH": platform.machine()},
    )
    shutil.rmtree(tree)
    return out


def _archive(folder: Path, out: Path) -> Path:
    """The folder for the step that makes an installer of it (Windows, macOS)."""
    with tarfile.open(out, "w:gz") as archive:
        archive.add(folder, arcname=".")
    return out


def _set_times(tree: Path, time: int) -> None:
    for path in [tree, *tree.rglob("*")]:
        os.utime(path, (time, time), follow_symlinks=False)


def write_sums(files: Sequence[Path], out: Path) -> None:
    """SHA256SUMS, as ``sha256sum --check`` reads it."""
    lines = []
    for path in sorted(files):
        with path.open("rb") as file:
            lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {path.name}\n")
    out.write_text("".join(lines), encoding="ascii")


if __name__ == "__main__":
    sys.exit(main())
