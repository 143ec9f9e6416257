"""The body of a PUT on its way into the library."""

import base64
import binascii
import re
from collections.abc import Iterable
from typing import Any, Final

from davserver.dav.dates import seconds
from davserver.dav.errors import Refusal
from davserver.engine.body import BodyFault, BodyStalled
from daydrop.aliases.aliases import Aliases
from daydrop.errors import Code
from daydrop.filing.announcement import Announcement, Checksum, Guard
from daydrop.intake.door import Incoming, Ingest
from daydrop.origin import Origin

BLOCK: Final = 256 << 10
_OC_ALGORITHMS: Final = {"SHA1": "sha1", "MD5": "md5", "SHA256": "sha256", "SHA512": "sha512"}
_REPR_ALGORITHMS: Final = {"sha-256": "sha256", "sha-512": "sha512"}
_REPR = re.compile(r"\s*([a-z0-9-]+)\s*=\s*:([A-Za-z0-9+/=]*):\s*")
_BAD_SUM = "The checksum of the request cannot be read."


def announced_size(environ: dict[str, Any]) -> int | None:
    """The length of the body as its headers tell it; None for chunks of unknown length.

    Finder sends chunks and says elsewhere how long they are in all.
    """
    length = (environ.get("CONTENT_LENGTH") or "").strip()
    if length:
        if not length.isdigit():
            raise Refusal(400)
        return int(length)
    if "HTTP_TRANSFER_ENCODING" not in environ:
        return 0
    expected = environ.get("HTTP_X_EXPECTED_ENTITY_LENGTH", "").strip()
    return int(expected) if expected.isdigit() and int(expected) > 0 else None


def modified(environ: dict[str, Any]) -> float | None:
    """The client's time (`X-OC-Mtime`); what is no time counts as absent."""
    return seconds(environ.get("HTTP_X_OC_MTIME", ""))


def checksums(environ: dict[str, Any]) -> tuple[Checksum, ...]:
    """What the client says the bytes sum up to; raises Refusal(400) for what is no checksum."""
    found = []
    algorithm, _, value = environ.get("HTTP_OC_CHECKSUM", "").partition(":")
    if name := _OC_ALGORITHMS.get(algorithm.strip().upper()):
        found.append(Checksum(name, _from_hex(value.strip())))
    if md5 := environ.get("HTTP_CONTENT_MD5"):
        found.append(Checksum("md5", _from_base64(md5.strip())))
    for part in environ.get("HTTP_REPR_DIGEST", "").split(","):
        match = _REPR.fullmatch(part)
        if match and (name := _REPR_ALGORITHMS.get(match[1])):
            found.append(Checksum(name, _from_base64(match[2])))
    return tuple(found)


def _from_hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as broken:
        raise Refusal(400, _BAD_SUM) from broken


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as broken:
        raise Refusal(400, _BAD_SUM) from broken


class Sink:
    """What WsgiDAV takes for the open file: reads the body itself, and commits in `close`.

    WsgiDAV cleans up after an exception from here, and not after one from anything later.
    """

    def __init__(
        self,
        environ: dict[str, Any],
        *,
        aliases: Aliases,
        ingest: Ingest,
        origin: Origin,
        path: str,
        guard: Guard,
    ) -> None:
        self._environ, self._aliases = environ, aliases
        self._origin, self._path, self._guard = origin, path, guard
        self._size = announced_size(environ)
        self._incoming: Incoming | None = None
        if self._size != 0:
            self._incoming = ingest.begin(self._announcement())

    def _announcement(self) -> Announcement:
        return Announcement(
            name=self._path.rpartition("/")[2],
            origin=self._origin,
            size=self._size,
            alias=self._path,
            modified=modified(self._environ),
            checksums=checksums(self._environ),
            guard=self._guard,
        )

    def writelines(self, _blocks: Iterable[bytes]) -> None:
        """Receives the body block by block; WsgiDAV's own way of reading is passed over."""
        self._environ["wsgidav.some_input_read"] = 1
        if self._incoming is not None:
            try:
                self._receive(self._incoming)
            except BodyFault as fault:
                code = Code.STALLED if isinstance(fault, BodyStalled) else Code.CUT_SHORT
                case = "unknown" if code is Code.CUT_SHORT and self._size is None else ""
                raise self._incoming.fail(code, case) from fault
        self._environ["wsgidav.all_input_read"] = 1

    def _receive(self, incoming: Incoming) -> None:
        stream = self._environ["wsgi.input"]
        length = (self._environ.get("CONTENT_LENGTH") or "").strip()
        left = int(length) if length else None
        view = memoryview(bytearray(BLOCK))
        while left is None or left > 0:
            room = view if left is None else view[: min(left, BLOCK)]
            count = stream.readinto(room)
            if not count:
                return
            incoming.write(room[:count])
            if left is not None:
                left -= count

    def close(self) -> None:
        """Accepts what came, if it is whole and nobody has locked the file meanwhile."""
        incoming = self._incoming
        if incoming is None or (incoming.received == 0 and self._size is None):
            self.abort()
            alias = self._aliases.announce(self._origin, self._path, self._guard)
            if (when := modified(self._environ)) is not None:
                self._aliases.set_modified(alias, when)
            return
        incoming.commit()

    def abort(self) -> None:
        """Leaves nothing behind; harmless after `close`, and twice."""
        if self._incoming is not None:
            self._incoming.abort()
