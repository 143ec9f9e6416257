"""A client made of plain requests: what a program sends, step by step, and what it needs back."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from itertools import cycle
from urllib.parse import quote

from tests.drive import Told, told
from tests.sites import Served


@dataclass(frozen=True)
class Reply:
    """One reply, read to its end."""

    status: int
    headers: dict[str, str]
    body: bytes

    def one(self, path: str) -> Told:
        """What a multistatus tells of one path."""
        found = told(self.body)
        return found.get(path) or found[f"{path}/"]

    def lists(self, path: str) -> bool:
        """Whether a multistatus names a path."""
        return bool({path, f"{path}/"} & set(told(self.body)))


@dataclass
class Talk:
    """One program: its connections (one to each node, used in turn), its tokens and tags."""

    nodes: Sequence[HTTPConnection]
    agent: str
    always: dict[str, str] = field(default_factory=dict)
    token: str = ""
    tag: str = ""

    def __post_init__(self) -> None:
        self._turn = cycle(self.nodes)

    def say(
        self,
        method: str,
        path: str,
        *expected: int,
        body: bytes = b"",
        chunked: bool = False,
        **headers: str,
    ) -> Reply:
        """Sends a request and holds its status against what the program needs.

        `{token}` and `{tag}` in headers stand for what was told last.
        """
        sent = self.always | {"User-Agent": self.agent} | headers
        filled = {
            name.replace("_", "-"): value.replace("{token}", self.token).replace("{tag}", self.tag)
            for name, value in sent.items()
        }
        connection = next(self._turn)
        if chunked:
            pieces = (body[at : at + 65536] for at in range(0, len(body), 65536))
            connection.request(method, quote(path), pieces, filled, encode_chunked=True)
        else:
            needs_length = method in ("PUT", "PROPFIND")
            length = {"Content-Length": str(len(body))} if body or needs_length else {}
            connection.request(method, quote(path), body or None, filled | length)
        answer = connection.getresponse()
        reply = Reply(answer.status, dict(answer.getheaders()), answer.read())
        assert reply.status in expected, f"{method} {path}: {reply.status}, not {expected}"
        self._remember(method, bool(body), reply)
        return reply

    def _remember(self, method: str, has_body: bool, reply: Reply) -> None:
        if method == "LOCK" and has_body:
            found = re.search(rb"locktoken>\s*<[^>]*href>([^<]+)<", reply.body)
            self.token = found[1].decode() if found else ""
        if method in ("PUT", "GET", "HEAD") and "ETag" in reply.headers:
            self.tag = reply.headers["ETag"]


@contextmanager
def talking(servers: Sequence[Served], agent: str, **always: str) -> Iterator[Talk]:
    """A program that speaks to some nodes until the block ends."""
    nodes = [HTTPConnection(*server.address, timeout=30) for server in servers]
    try:
        yield Talk(nodes, agent, {name.replace("_", "-"): value for name, value in always.items()})
    finally:
        for node in nodes:
            node.close()
