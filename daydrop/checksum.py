"""Checksums that a client sends along: the text of a header becomes a value, alike for both faces.

They are optional. One that cannot be read is ignored, and the receipt says so; one that differs
from the bytes refuses the upload.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

# by the names of their headers, as hashlib calls them
_OC = {"SHA1": "sha1", "MD5": "md5", "SHA256": "sha256", "SHA512": "sha512"}
_REPR = {"sha-256": "sha256", "sha-512": "sha512", "sha": "sha1", "md5": "md5"}
_MEMBER = re.compile(r"\s*([a-z0-9*_.-]+)\s*=\s*:([A-Za-z0-9+/=]*):\s*(?:;.*)?")
_BYTES = {"md5": 16, "sha1": 20, "sha256": 32, "sha512": 64}


@dataclass(frozen=True)
class Checksum:
    """What the client says its bytes sum up to; `algorithm` as hashlib calls it."""

    algorithm: str
    value: bytes


@dataclass(frozen=True)
class Checksums:
    """The checksums of one upload, and the names of the headers that could not be read."""

    given: tuple[Checksum, ...] = ()
    unreadable: tuple[str, ...] = ()


NO_CHECKSUMS = Checksums()


class _UnreadableError(ValueError):
    pass


def read_checksums(headers: Mapping[str, str | None]) -> Checksums:
    """Read `OC-Checksum`, `Content-MD5` and `Repr-Digest`, given by those names; pure.

    Algorithms that are unknown here are passed over.
    """
    given: list[Checksum] = []
    unreadable: list[str] = []
    for name, read in _READERS.items():
        text = headers.get(name)
        try:
            given += read(text) if text else ()
        except _UnreadableError:
            unreadable.append(name)
    return Checksums(tuple(given), tuple(unreadable))


def _oc_checksum(text: str) -> Iterator[Checksum]:
    """Read ownCloud's `SHA1:<hex>`; several stand with spaces between them."""
    for part in text.split():
        algorithm, colon, value = part.partition(":")
        if not colon:
            raise _UnreadableError(part)
        if name := _OC.get(algorithm.upper()):
            yield _checksum(name, _from_hex(value))


def _content_md5(text: str) -> Iterator[Checksum]:
    """Read the Base64 of RFC 1864."""
    yield _checksum("md5", _from_base64(text.strip()))


def _repr_digest(text: str) -> Iterator[Checksum]:
    """Read the dictionary of RFC 9530: `sha-256=:<Base64>:`, members with commas between."""
    for member in text.split(","):
        match = _MEMBER.fullmatch(member)
        if match is None:
            raise _UnreadableError(member)
        if name := _REPR.get(match[1]):
            yield _checksum(name, _from_base64(match[2]))


def _checksum(algorithm: str, value: bytes) -> Checksum:
    if len(value) != _BYTES[algorithm]:
        raise _UnreadableError(algorithm)
    return Checksum(algorithm, value)


def _from_hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as broken:
        raise _UnreadableError(text) from broken


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as broken:
        raise _UnreadableError(text) from broken


_READERS: dict[str, Callable[[str], Iterable[Checksum]]] = {
    "OC-Checksum": _oc_checksum,
    "Content-MD5": _content_md5,
    "Repr-Digest": _repr_digest,
}
HEADERS = tuple(_READERS)
