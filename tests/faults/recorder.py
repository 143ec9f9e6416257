"""A disk that remembers: an nbdkit plugin that serves an image and logs each write and flush.

nbdkit python recorder.py image=FILE log=FILE
"""

import os
import struct
from typing import Any

import nbdkit  # type: ignore[import-not-found]  # comes with the program that loads this file

API_VERSION = 2
RECORD = struct.Struct("<cQI")  # what, where, how many bytes
_files: dict[str, str] = {}


def config(key: str, value: str) -> None:
    """Takes a file name from the command line."""
    _files[key] = value


def thread_model() -> int:
    """One request after the other: the log is the order in which they came."""
    return int(nbdkit.THREAD_MODEL_SERIALIZE_ALL_REQUESTS)


def open(readonly: bool) -> dict[str, int]:  # noqa: A001  nbdkit wants this name
    """Opens image and log."""
    return {
        "image": os.open(_files["image"], os.O_RDWR),
        "log": os.open(_files["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND),
    }


def get_size(handle: dict[str, int]) -> int:
    """The size of the disk."""
    return os.fstat(handle["image"]).st_size


def pread(handle: dict[str, int], into: Any, offset: int, flags: int) -> None:
    """Reads."""
    os.preadv(handle["image"], [into], offset)


def pwrite(handle: dict[str, int], block: Any, offset: int, flags: int) -> None:
    """Writes, and logs what was written."""
    body = bytes(block)
    os.write(handle["log"], RECORD.pack(b"w", offset, len(body)) + body)
    os.pwrite(handle["image"], body, offset)


def flush(handle: dict[str, int], flags: int) -> None:
    """Logs that all before this is on the disk."""
    os.write(handle["log"], RECORD.pack(b"f", 0, 0))
