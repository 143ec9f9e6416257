"""A form's parts, streamed: nothing of a file is held but the block that is passing by.

Every part with a file name is a file, whatever its field is called: that is what `curl -F` users
and forms without a script send.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from werkzeug.sansio.multipart import (
    Data,
    Epilogue,
    Field,
    File,
    MultipartDecoder,
    NeedData,
)

HEADER_BYTES = 8 * 1024
FIELD_BYTES = 64 * 1024
EXTRA_PARTS = 20


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


def parts(blocks: Iterable[memoryview], boundary: str, most_files: int) -> Iterator[Part]:
    """The parts of a form in their order.

    Raises FormRefused; what `blocks` raises passes through.
    """
    decoder = MultipartDecoder(boundary.encode("latin-1"), max_parts=None)
    reader = _Reader(most_files + EXTRA_PARTS)
    for block in blocks:
        decoder.receive_data(bytes(block))
        yield from reader.events(decoder)
        if not reader.is_inside and len(decoder.buffer) > HEADER_BYTES:
            raise FormRefused("the head of a part is too long")
    decoder.receive_data(None)
    yield from reader.events(decoder)
    if not reader.is_over:
        raise FormRefused("the form ends before its last boundary")


class _Reader:
    """Turns the decoder's events into parts and counts them."""

    def __init__(self, most_parts: int) -> None:
        self._most_parts = most_parts
        self._count = 0
        self._field: str | None = None
        self._value = bytearray()
        self.is_inside = False
        self.is_over = False

    def events(self, decoder: MultipartDecoder) -> Iterator[Part]:
        try:
            while not isinstance(event := decoder.next_event(), NeedData):
                if isinstance(event, Epilogue):
                    self.is_over = True
                    return
                yield from self._part(event)
        except ValueError as broken:  # the decoder's word for a malformed form
            raise FormRefused(str(broken)) from broken

    def _part(self, event: object) -> Iterator[Part]:
        if isinstance(event, File | Field):
            self._begin()
            self._field = event.name if isinstance(event, Field) else None
            if isinstance(event, File):
                yield FileBegins(event.filename)
        elif isinstance(event, Data):
            yield from self._data(event)

    def _begin(self) -> None:
        self.is_inside = True
        self._value.clear()
        self._count += 1
        if self._count > self._most_parts:
            raise FormRefused(f"a form may have {self._most_parts} parts")

    def _data(self, event: Data) -> Iterator[Part]:
        self.is_inside = event.more_data
        if self._field is None:
            if event.data:
                yield FileBytes(event.data)
            if not event.more_data:
                yield FileEnds()
            return
        self._value += event.data
        if len(self._value) > FIELD_BYTES:
            raise FormRefused("a field is too long")
        if not event.more_data:
            yield FieldValue(self._field or "", self._value.decode("utf-8", "replace"))
