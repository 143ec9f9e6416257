"""A program that speaks WebDAV to the application itself, without sockets."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urlsplit
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring
from werkzeug.test import Client, EnvironBuilder, TestResponse

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

DAV = "{DAV:}"
EXCLUSIVE = (
    '<?xml version="1.0" encoding="utf-8"?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/>'
    "</D:lockscope><D:locktype><D:write/></D:locktype><D:owner><D:href>somebody</D:href></D:owner>"
    "</D:lockinfo>"
)
SHARED = EXCLUSIVE.replace("exclusive", "shared")


@dataclass(frozen=True)
class Told:
    """What a multistatus tells of one resource: properties found, and statuses of others."""

    found: Mapping[str, Element]
    missing: Mapping[str, int] = field(default_factory=dict)

    def text(self, name: str) -> str | None:
        """The text of a property of DAV."""
        element = self.found.get(f"{DAV}{name}")
        return None if element is None else element.text

    @property
    def is_folder(self) -> bool:
        """Whether it is a collection."""
        return self.found[f"{DAV}resourcetype"].find(f"{DAV}collection") is not None

    @property
    def size(self) -> int:
        """Its length in bytes."""
        return int(self.text("getcontentlength") or -1)


@dataclass
class Drive:
    """A client at one address; `send` makes one request."""

    app: Application
    address: str = "192.168.7.1"
    agent: str = "pytest"

    def send(
        self,
        method: str,
        path: str,
        body: bytes | str = b"",
        *,
        chunked: bool = False,
        **headers: str,
    ) -> TestResponse:
        """One request; `If_Match="x"` among the headers is `If-Match: x`."""
        data = body.encode() if isinstance(body, str) else body
        environ = {"REMOTE_ADDR": self.address, "HTTP_USER_AGENT": self.agent}
        if chunked:
            environ |= {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}
        elif "Content_Length" in headers:
            environ["CONTENT_LENGTH"] = headers["Content_Length"]
        builder = EnvironBuilder(
            path=quote(path),
            method=method,
            data=data,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
            environ_overrides=environ,
        )
        return Client(self.app).open(builder, buffered=True)

    def put(self, path: str, body: bytes = b"", **headers: str) -> TestResponse:
        """Sends a file."""
        return self.send("PUT", path, body, **headers)

    def get(self, path: str, **headers: str) -> TestResponse:
        """Reads a file."""
        return self.send("GET", path, **headers)

    def listing(
        self, path: str, depth: str = "1", body: str = "", **headers: str
    ) -> dict[str, Told]:
        """What PROPFIND tells, by path."""
        reply = self.send("PROPFIND", path, body, Depth=depth, **headers)
        assert reply.status_code == 207, reply.data
        return told(reply.data)

    def look(self, path: str, *names: str) -> Told:
        """What PROPFIND tells of one path."""
        found = self.listing(path, "0", asking(*names) if names else "")
        assert len(found) == 1
        return next(iter(found.values()))

    def names(self, folder: str = "/Upload/") -> list[str]:
        """The names of the members of a folder."""
        return sorted(
            path.rstrip("/").rpartition("/")[2]
            for path in self.listing(folder)
            if path.rstrip("/") != folder.rstrip("/")
        )

    def lock(self, path: str, body: str = EXCLUSIVE, **headers: str) -> str:
        """Locks a path; returns the token."""
        reply = self.send("LOCK", path, body, **headers)
        assert reply.status_code in (200, 201), reply.data
        return reply.headers["Lock-Token"].strip("<>")

    def unlock(self, path: str, token: str) -> int:
        """Unlocks a path; returns the status."""
        return self.send("UNLOCK", path, Lock_Token=f"<{token}>").status_code

    def move(self, source: str, target: str, **headers: str) -> TestResponse:
        """Gives a path another name."""
        return self.send("MOVE", source, Destination=f"http://localhost{quote(target)}", **headers)

    def copy(self, source: str, target: str, **headers: str) -> TestResponse:
        """Gives a path a second name."""
        return self.send("COPY", source, Destination=f"http://localhost{quote(target)}", **headers)


def asking(*names: str) -> str:
    """The body of a PROPFIND for properties of DAV."""
    props = "".join(f"<D:{name}/>" for name in names)
    return f'<D:propfind xmlns:D="DAV:"><D:prop>{props}</D:prop></D:propfind>'


def setting(properties: str, removing: str = "") -> str:
    """The body of a PROPPATCH; the namespaces Z (Windows) and C (anybody's) are declared."""
    kept = f"<D:set><D:prop>{properties}</D:prop></D:set>" if properties else ""
    gone = f"<D:remove><D:prop>{removing}</D:prop></D:remove>" if removing else ""
    return (
        '<D:propertyupdate xmlns:D="DAV:" xmlns:Z="urn:schemas-microsoft-com:" xmlns:C="urn:x">'
        f"{kept}{gone}</D:propertyupdate>"
    )


def told(body: bytes) -> dict[str, Told]:
    """A multistatus by path."""
    found = {}
    for response in fromstring(body).iter(f"{DAV}response"):
        path = unquote(urlsplit(response.findtext(f"{DAV}href", "")).path)
        found[path] = _told(response)
    return found


def _told(response: Element) -> Told:
    found: dict[str, Element] = {}
    missing: dict[str, int] = {}
    for propstat in response.iter(f"{DAV}propstat"):
        status = int(propstat.findtext(f"{DAV}status", "").split()[1])
        for element in propstat.iterfind(f"{DAV}prop/*"):
            if status == 200:
                found[element.tag] = element
            else:
                missing[element.tag] = status
    return Told(found, missing)


def message(reply: TestResponse) -> str:
    """The sentence in the body of a refusal."""
    return fromstring(reply.data).findtext("{http://sabredav.org/ns}message", "")


def condition(reply: TestResponse) -> str:
    """The condition in the body of a refusal."""
    return next(iter(fromstring(reply.data))).tag
