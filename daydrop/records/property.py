"""A dead property of a path in `Upload` (RFC 4918 §4)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Property:
    """A note: its name in Clark notation (`{namespace}name`), its value as one XML element."""

    name: str
    value: str
