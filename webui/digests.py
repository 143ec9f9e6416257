"""Digests as HTTP names them (RFC 9530)."""

import base64
import binascii
import re

from daydrop.filing.announcement import Checksum

_ALGORITHMS = {"sha-256": "sha256", "sha-512": "sha512", "sha": "sha1", "md5": "md5"}
_ENTRY = re.compile(r"\s*([a-z0-9-]+)\s*=\s*:([A-Za-z0-9+/=]*):\s*")


def repr_digests(header: str) -> tuple[Checksum, ...]:
    """The checksums of a `Repr-Digest`; algorithms that are unknown here are passed over."""
    found = (_ENTRY.fullmatch(entry) for entry in header.split(","))
    return tuple(
        checksum
        for entry in found
        if entry is not None and (checksum := _checksum(entry[1], entry[2])) is not None
    )


def _checksum(name: str, value: str) -> Checksum | None:
    algorithm = _ALGORITHMS.get(name)
    if algorithm is None:
        return None
    try:
        return Checksum(algorithm, base64.b64decode(value, validate=True))
    except binascii.Error:
        return None
