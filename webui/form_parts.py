"""A form's parts, streamed: nothing of a file is held but the block that is passing by.

Every part with a file name is a file, whatever its field is called: that is what `curl -F` users
and forms without a script send. The package `multipart` parses; names of files are read here, as
browsers and curl write them.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from multipart import MultipartError, MultipartSegment, PushMultipartParser

HEADER_BYTES = 8 * 1024
FIELD_BYTES = 64 * 1024
MOST_PARTS = 10_000
_PARAMETER = re.compile(r';\s*([a-z*]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))', re.IGNORECASE)


class FormRefused(Exception):
    """The form is malformed or goes beyond what a form may be."""


@dataclass(frozen=True)
class FileBegins:
    """A file of this name follows."""

    name: str


@dataclass(frozen=True)
class FileBytes:
    """The next bytes of the file."""

    block: bytes


@dataclass(frozen=True)
class FileEnds:
    """The file is whole."""


@dataclass(frozen=True)
class FieldValue:
    """A field that is no file."""

    name: str
    value: str


Part = FileBegins | FileBytes | FileEnds | FieldValue


def parts(blocks: Iterable[memoryview], boundary: str) -> Iterator[Part]:
    """Yield the parts of a form in their order (RFC 7578).

    Raises FormRefused; what `blocks` raises passes through.
    """
    try:
        yield from _parts(blocks, boundary)
    except MultipartError as broken:
        raise FormRefused(str(broken)) from broken


def _parts(blocks: Iterable[memoryview], boundary: str) -> Iterator[Part]:
    field, value = "", bytearray()
    is_file = False
    for event in _events(blocks, boundary):
        if isinstance(event, MultipartSegment):
            name = file_name(_as_utf8(event.header("Content-Disposition", "")))
            field, is_file = _as_utf8(event.name or ""), name is not None
            value.clear()
            if name is not None:
                yield FileBegins(name)
        elif event is None:
            yield FileEnds() if is_file else FieldValue(field, value.decode("utf-8", "replace"))
        elif is_file:
            yield FileBytes(event)
        else:
            value += event
            if len(value) > FIELD_BYTES:
                raise FormRefused("a field is too long")


def _events(
    blocks: Iterable[memoryview], boundary: str
) -> Iterator[MultipartSegment | bytes | None]:
    with PushMultipartParser(
        boundary.encode("latin-1", "replace"),
        max_header_size=HEADER_BYTES,
        max_segment_count=MOST_PARTS,
        header_charset="latin-1",  # takes any byte: one odd name must not refuse the whole form
    ) as parser:
        for block in blocks:
            yield from parser.parse(bytes(block))


def _as_utf8(header: str) -> str:
    """Return a header as UTF-8, with a sign in place of what is not."""
    return header.encode("latin-1").decode("utf-8", "replace")


def file_name(disposition: str) -> str | None:
    """Return the name as its sender meant it; None for a field that is no file.

    Browsers write `%22` for a quote, curl a backslash, others `filename*` (RFC 5987).
    """
    found: dict[str, str] = {
        key.lower(): quoted or plain for key, quoted, plain in _PARAMETER.findall(disposition)
    }
    if "filename*" in found:
        return unquote(found["filename*"].rpartition("'")[2])
    if "filename" not in found:
        return None
    return found["filename"].replace('\\"', '"').replace("%22", '"')
