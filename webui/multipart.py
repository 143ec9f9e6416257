"""A form's parts, streamed: nothing of a file is held but the block that is passing by.

Every part with a file name is a file, whatever its field is called: that is what `curl -F` users
and forms without a script send. Written here because Werkzeug's decoder, when a block ends inside
a boundary, can add a byte to a file; a photo must come out as it went in.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from urllib.parse import unquote

HEADER_BYTES = 8 * 1024
FIELD_BYTES = 64 * 1024
PADDING_BYTES = 64
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
    """The parts of a form in their order (RFC 7578, RFC 2046 section 5.1).

    Raises FormRefused; what `blocks` raises passes through.
    """
    reader = _Reader(boundary.encode("latin-1", "replace"))
    for block in blocks:
        yield from reader.take(block)
    if not reader.is_at(_Where.OVER):
        raise FormRefused("the form ends before its last boundary")


class _Where(Enum):
    BEFORE = auto()
    AT_BOUNDARY = auto()
    IN_HEAD = auto()
    IN_BODY = auto()
    OVER = auto()


class _Reader:
    """Cuts a stream at its boundaries; keeps what may be the beginning of one."""

    def __init__(self, boundary: bytes) -> None:
        self._delimiter = b"\r\n--" + boundary
        self._buffer = bytearray(b"\r\n")  # the first boundary has no line before it
        self._where = _Where.BEFORE
        self._count = 0
        self._field: str | None = None
        self._value = bytearray()
        self._to_skip = 0

    def is_at(self, where: _Where) -> bool:
        return self._where is where

    def take(self, block: memoryview) -> Iterator[Part]:
        if self.is_at(_Where.OVER):
            return  # an epilogue means nothing
        self._buffer += block
        while True:
            before = self._where, len(self._buffer)
            yield from self._step()
            if self.is_at(_Where.OVER) or (self._where, len(self._buffer)) == before:
                return

    def _step(self) -> Iterator[Part]:
        if self._where is _Where.BEFORE:
            list(self._up_to_boundary())  # a preamble means nothing
        elif self._where is _Where.AT_BOUNDARY:
            self._pass_boundary()
        elif self._where is _Where.IN_HEAD:
            yield from self._read_head()
        elif self._where is _Where.IN_BODY:
            for data in self._up_to_boundary():
                yield from self._body(data)
            if self.is_at(_Where.AT_BOUNDARY):
                yield self._end_of_body()

    def _up_to_boundary(self) -> Iterator[bytes]:
        """What is certainly before the next boundary, taken off the buffer."""
        found = self._buffer.find(self._delimiter)
        sure = found if found >= 0 else len(self._buffer) - len(self._delimiter) + 1
        if sure > 0:
            yield bytes(memoryview(self._buffer)[:sure])
            del self._buffer[:sure]
        if found >= 0:
            del self._buffer[: len(self._delimiter)]
            self._where = _Where.AT_BOUNDARY

    def _pass_boundary(self) -> None:
        """Behind a boundary: two dashes end the form, a line end begins a part."""
        if self._buffer.startswith(b"--"):
            self._where = _Where.OVER
            return
        end = self._buffer.find(b"\r\n")
        if end < 0 and len(self._buffer) <= PADDING_BYTES:
            return
        if end < 0 or self._buffer[:end].strip(b" \t"):
            raise FormRefused("something stands behind a boundary")
        del self._buffer[: end + 2]
        self._where = _Where.IN_HEAD

    def _read_head(self) -> Iterator[Part]:
        end = self._buffer.find(b"\r\n\r\n")
        if end > HEADER_BYTES or (end < 0 and len(self._buffer) > HEADER_BYTES):
            raise FormRefused("the head of a part is too long")
        if end < 0:
            return
        self._count += 1
        if self._count > MOST_PARTS:
            raise FormRefused(f"a form may have {MOST_PARTS} parts")
        disposition = _disposition(bytes(self._buffer[:end]))
        # the line end between head and body stays: it may be that of a boundary, an empty part's
        del self._buffer[: end + 2]
        self._to_skip = 2
        self._where = _Where.IN_BODY
        self._value.clear()
        name = _file_name(disposition)
        self._field = None if name is not None else disposition.get("name", "")
        if name is not None:
            yield FileBegins(name)

    def _body(self, data: bytes) -> Iterator[Part]:
        skipped = min(self._to_skip, len(data))
        self._to_skip -= skipped
        data = data[skipped:]
        if self._field is None:
            if data:
                yield FileBytes(data)
            return
        self._value += data
        if len(self._value) > FIELD_BYTES:
            raise FormRefused("a field is too long")

    def _end_of_body(self) -> Part:
        if self._field is None:
            return FileEnds()
        return FieldValue(self._field, self._value.decode("utf-8", "replace"))


def _disposition(head: bytes) -> dict[str, str]:
    """The parameters of Content-Disposition; raises FormRefused for a part without one."""
    for line in head.decode("utf-8", "replace").split("\r\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-disposition":
            found = _PARAMETER.findall(value)
            return {key.lower(): quoted or plain for key, quoted, plain in found}
    raise FormRefused("a part has no Content-Disposition")


def _file_name(disposition: dict[str, str]) -> str | None:
    """The name as its sender meant it: browsers write `%22` for a quote, curl a backslash."""
    if "filename*" in disposition:
        return unquote(disposition["filename*"].rpartition("'")[2])
    if "filename" not in disposition:
        return None
    return disposition["filename"].replace('\\"', '"').replace("%22", '"')
