"""Download of a backbone's weights from the Hugging Face hub, with progress and resuming.

huggingface_hub (2.4) deletes partial files, so an interrupted download starts from the beginning,
and a slow connection may never finish 600 MB.  Only its metadata is used here; the bytes are
downloaded in order to a ``.part`` file that is kept.
"""

from __future__ import annotations

import errno
import hashlib
import http.client
import logging
import os
import shutil
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from filelock import FileLock
from huggingface_hub import get_hf_file_metadata, hf_hub_url
from huggingface_hub.errors import EntryNotFoundError, RepositoryNotFoundError

from trainer.backbone_error import BackboneError
from trainer.suggested import WEIGHT_FILES, backbones_dir, cached_weights

__all__ = ["BackboneError", "OnDownload", "fetch_file", "fetch_weights"]

log = logging.getLogger(__name__)

OnDownload = Callable[[int, int], None]
"""Called with bytes so far and total bytes (0 if unknown); may raise to stop."""

_BLOCK = 1 << 18
_TIMEOUT_SECONDS = 20.0
_ATTEMPTS = 4
"""Consecutive attempts without a new byte."""
_PAUSE_SECONDS = 1.0
_SHA256_LENGTH = 64


class _InterruptedError(Exception):
    """The connection was lost; what was downloaded is kept."""


@dataclass(frozen=True)
class _Remote:
    """A file on the hub; ``digest`` identifies its content (SHA-256 for large files)."""

    url: str
    size: int
    digest: str


def fetch_weights(
    name: str,
    hub: str,
    on_download: OnDownload | None = None,
    *,
    endpoint: str | None = None,
) -> Path:
    """The local file of a backbone's weights, downloaded if necessary.

    An interrupted download is resumed, also by another process.

    Args:
        name: the backbone, for messages.
        hub: ``organisation/repository/`` or ``organisation/repository/file``, as in open_clip's
            configuration.
        endpoint: a hub other than huggingface.co.

    Raises:
        BackboneError: ``no-network``, ``disk-full`` or ``unknown-backbone``.
    """
    repository, _, file = hub.rpartition("/")
    files = WEIGHT_FILES
    if file:
        files = tuple(dict.fromkeys((str(Path(file).with_suffix(".safetensors")), file)))
    return fetch_file(name, repository, files, on_download, endpoint=endpoint)


def fetch_file(
    name: str,
    repository: str,
    files: Sequence[str],
    on_download: OnDownload | None = None,
    *,
    endpoint: str | None = None,
) -> Path:
    """The local copy of the first of ``files`` that a repository has, downloaded if necessary; as
    :func:`fetch_weights`."""
    if (cached := cached_weights(repository, files)) is not None:
        return cached
    if not repository:
        raise BackboneError("unknown-backbone", f"open_clip does not say where {name} is kept.")
    try:
        remote, file = _find(name, repository, files, endpoint)
        target = backbones_dir() / repository.replace("/", "--") / file
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{target}.lock"):
            if not target.is_file():  # another process may have downloaded it
                _download(name, remote, target, on_download or (lambda done, total: None))
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise BackboneError(
                "disk-full", f"The disk is full; {name} could not be downloaded."
            ) from error
        raise BackboneError("error", f"{name} could not be stored: {error}.") from error
    return target


def _find(
    name: str, repository: str, files: Sequence[str], endpoint: str | None
) -> tuple[_Remote, str]:
    for file in files:
        url = hf_hub_url(repository, file, endpoint=endpoint)
        try:
            found = get_hf_file_metadata(url, timeout=_TIMEOUT_SECONDS, endpoint=endpoint)
        except RepositoryNotFoundError as error:
            raise BackboneError(
                "unknown-backbone", f"The weights of {name} are no longer at {repository}."
            ) from error
        except EntryNotFoundError:
            continue
        except Exception as error:  # of the hub's HTTP library
            log.info("asking for %s failed: %s", url, error)
            raise _no_network(name) from error
        return _Remote(url, found.size or 0, found.etag or ""), file
    raise BackboneError("unknown-backbone", f"{repository} holds no weights for open_clip.")


def _no_network(name: str) -> BackboneError:
    return BackboneError(
        "no-network",
        f"{name} has to be downloaded once, and the internet could not be reached. "
        "Connect and try again, or stay with Lite, which needs no network.",
    )


def _download(name: str, remote: _Remote, target: Path, on_download: OnDownload) -> None:
    digest = "".join(char for char in remote.digest if char.isalnum())
    part = target.with_name(f"{target.name}.{digest[:16]}.part")
    failures = 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        if remote.size and before >= remote.size:
            break
        _check_disk_space(name, target.parent, remote.size - before)
        on_download(before, remote.size)
        try:
            _download_rest(remote, part, before, on_download)
            break
        except _InterruptedError as error:
            after = part.stat().st_size if part.exists() else 0
            failures = 0 if after > before else failures + 1
            log.warning("download of %s interrupted at %d bytes: %s", name, after, error)
            if failures >= _ATTEMPTS:
                raise _interrupted(name, after, remote.size) from error
            time.sleep(_PAUSE_SECONDS * failures)
    if not _is_complete(part, remote):
        part.unlink()
        raise BackboneError(
            "no-network",
            f"The download of {name} was damaged and has been deleted. Try again.",
        )
    part.replace(target)


def _interrupted(name: str, done: int, total: int) -> BackboneError:
    if done == 0:
        return _no_network(name)
    of = f" of {total / 1e6:.0f}" if total else ""
    return BackboneError(
        "no-network",
        f"The download of {name} was interrupted after {done / 1e6:.0f}{of} MB. What was "
        "downloaded is kept; connect and try again to resume.",
    )


def _check_disk_space(name: str, folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise BackboneError(
            "disk-full",
            f"{name} needs {needed / 1e6:.0f} MB more on the disk; {free / 1e6:.0f} MB are free.",
        )


def _download_rest(remote: _Remote, part: Path, have: int, on_download: OnDownload) -> None:
    """Append the missing bytes to ``part``."""
    request = urllib.request.Request(remote.url, headers={"User-Agent": "lmpt-desktop"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS, context=_tls())
    except (urllib.error.URLError, OSError, http.client.HTTPException) as error:
        if getattr(error, "code", 0) == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            part.unlink(missing_ok=True)  # larger than the file on the hub
        raise _InterruptedError(str(error)) from error
    with response:
        resumed = have > 0 and response.status == http.HTTPStatus.PARTIAL_CONTENT
        done = have if resumed else 0
        with part.open("ab" if resumed else "wb") as file:
            while block := _read(response):
                file.write(block)
                done += len(block)
                on_download(done, remote.size)
            file.flush()
            os.fsync(file.fileno())
    if remote.size and done < remote.size:
        raise _InterruptedError(f"the connection closed at {done} of {remote.size} bytes")


def _read(response: IO[bytes]) -> bytes:
    """Read the next block, separately from writing, whose errors have other causes."""
    try:
        return response.read(_BLOCK)
    except (OSError, http.client.HTTPException) as error:
        raise _InterruptedError(str(error)) from error


def _is_complete(part: Path, remote: _Remote) -> bool:
    if remote.size and part.stat().st_size != remote.size:
        return False
    if len(remote.digest) != _SHA256_LENGTH:
        return True  # small files have a git hash
    with part.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == remote.digest


def _tls() -> ssl.SSLContext:
    """Use the system's certificates if configured or available, otherwise those of certifi."""
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"] and "SSL_CERT_FILE" not in os.environ:
        try:
            import certifi  # noqa: PLC0415
        except ImportError:
            return context
        context.load_verify_locations(certifi.where())
    return context
