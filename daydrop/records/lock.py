"""A WebDAV write lock (RFC 4918 §6)."""

from dataclasses import dataclass

EXCLUSIVE, SHARED = "exclusive", "shared"
ALONE, INFINITY = "0", "infinity"


@dataclass(frozen=True)
class Lock:
    """A write lock on a path of one origin; `expires` in seconds since 1970, `owner` as XML."""

    token: str
    origin: str
    path: str
    scope: str
    depth: str
    owner: str
    principal: str
    timeout: float
    expires: float
