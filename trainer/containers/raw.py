"""Raw files of cameras: the raw data is the picture (see :mod:`trainer.raw_headers`)."""

from __future__ import annotations

from trainer.containers.collector import Collector, DamagedError
from trainer.raw_headers import RawHeaderError, Reader, read_raw_header


def is_raw(file: Collector) -> bool:
    """Whether this is a raw file; most look like TIFF at first."""
    try:
        read_raw_header(_reading(file), file.size)
    except RawHeaderError:
        return False
    return True


def collect_raw(file: Collector) -> None:
    """The raw data as stored; previews and what says how to develop it change only how it is
    shown.

    Programs that write into raw files (titles, keywords, dates) leave the raw data as it is.

    Raises:
        DamagedError: if it is not all there, or not known where.
    """
    try:
        header = read_raw_header(_reading(file), file.size)
    except RawHeaderError as error:
        raise DamagedError(str(error)) from error
    if not header.raw_parts:
        raise DamagedError("no raw data")
    file.keep(f"{header.raw_pixels} {header.linear} {len(header.raw_parts)}".encode())
    for start, stop in header.raw_parts:
        file.keep((stop - start).to_bytes(8, "little", signed=True))
        file.keep_range(start, stop)
    file.show(f"{header.width} {header.height} {header.orientation}".encode() + header.settings)
    for preview in header.previews:
        file.show(f"{preview.width} {preview.height}".encode())
        for block in file.blocks(preview.start, preview.start + preview.length):
            file.show(bytes(block))


def _reading(file: Collector) -> Reader:
    def read(start: int, count: int) -> bytes:
        try:
            return file.at(start, count)
        except DamagedError as error:
            raise RawHeaderError(str(error)) from error

    return read
