"""What a PROPPATCH may change: the client's time, and notes of programs (dead properties)."""

from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element

from wsgidav.xml_tools import etree  # type: ignore[attr-defined]  # lxml, or the standard one

from davserver.dav.dates import http_date
from davserver.dav.errors import Refusal
from davserver.dav.propfind import DAV, LIVE
from daydrop.aliases.aliases import Aliases
from daydrop.records.alias import Alias
from daydrop.records.property import Property

_MODIFIED = f"{DAV}getlastmodified"
_TIMES = ("{urn:schemas-microsoft-com:}Win32LastModifiedTime",)
_ANY_TIME = "}lastmodified"  # Cyberduck has it in a namespace of its own
_PROTECTED = "This property is set by the server."
_NO_DATE = "This is not a valid date."


@dataclass(frozen=True)
class Change:
    """What one element of a PROPPATCH does: set a time, set a note, or remove a note."""

    name: str
    modified: float | None = None
    note: Property | None = None


def plan(name: str, value: Any) -> Change:
    """Return what setting (`value` is its element) or removing (None) a property means.

    Raises Refusal: 403 for a property of the server's own, 409 for text that is not a time.
    """
    if name == _MODIFIED and value is not None:
        when = http_date(value.text or "")
        if when is None:
            raise Refusal(409, _NO_DATE)
        return Change(name, modified=when)
    if name.startswith(DAV) or name in LIVE:
        raise Refusal(403, _PROTECTED, condition="cannot-modify-protected-property")
    if value is None:
        return Change(name)
    is_time = name in _TIMES or name.endswith(_ANY_TIME)
    when = http_date(value.text or "") if is_time else None
    return Change(name, modified=when, note=Property(name, _as_text(value)))


def _as_text(value: Element) -> str:
    """Return the element with the namespaces it needs, without the text after it."""
    value.tail = None
    text: str = etree.tostring(value, encoding="unicode")
    return text


def apply(aliases: Aliases, alias: Alias, change: Change) -> None:
    """Do what was planned."""
    if change.modified is not None:
        aliases.changes.set_modified(alias, change.modified)
    if change.note is not None:
        aliases.notes.note(alias, change.note)
    elif change.modified is None:
        aliases.notes.forget(alias, change.name)
