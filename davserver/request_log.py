"""The log of requests: one line of plain facts for each, when its reply is over."""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import structlog

Environ = dict[str, Any]
StartResponse = Callable[..., Any]


class Line:
    """The line about one request."""

    def __init__(self, environ: Environ) -> None:
        self._environ = environ
        self._path = _shown(environ.get("PATH_INFO", ""))  # before WsgiDAV decodes it in place
        self._began = time.monotonic()
        self._status, self._length, self._sent = "", 0, 0

    def watch(self, start_response: StartResponse) -> StartResponse:
        """Return a start_response that notes the status, and adds the id of the request."""

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            self._status = status
            lengths = [value for name, value in headers if name.lower() == "content-length"]
            self._length = int(lengths[0]) if lengths else 0
            headers = [*headers, ("X-Request-Id", self._environ["daydrop.request_id"])]
            more = (exc_info,) if exc_info else ()
            return start_response(status, headers, *more)

        return start

    def until_end(self, blocks: Iterable[bytes]) -> Iterable[bytes]:
        """Return the same blocks; the line is written once they are sent."""
        return _Watched(self, blocks)

    def count(self, size: int) -> None:
        """Count bytes that pass through; a file sent by the engine is known by its length."""
        self._sent += size

    def write(self) -> None:
        """Write the line."""
        environ, origin = self._environ, self._environ["daydrop.origin"]
        structlog.get_logger("daydrop.requests").info(
            "request",
            id=environ["daydrop.request_id"],
            origin=origin.key,
            address=origin.address,
            method=environ["REQUEST_METHOD"],
            path=self._path,
            status=int(self._status[:3] or 0),
            received=_number(environ.get("CONTENT_LENGTH") or ""),
            sent=max(self._sent, self._length),
            ms=round((time.monotonic() - self._began) * 1000),
            program=origin.program,
        )


class _Watched:
    """The blocks of a reply, counted."""

    def __init__(self, line: Line, blocks: Iterable[bytes]) -> None:
        self._line, self._blocks = line, blocks

    def __iter__(self) -> Iterator[bytes]:
        for block in self._blocks:
            self._line.count(len(block))
            yield block

    def close(self) -> None:
        """Let the reply close, then write the line."""
        try:
            close = getattr(self._blocks, "close", None)
            if close is not None:
                close()
        finally:
            self._line.write()


def _shown(path: str) -> str:
    """Return a path as a JSON string: nothing in it can begin another line of the log."""
    text = path.encode("latin-1", "replace").decode("utf-8", "replace")
    return json.dumps(text, ensure_ascii=True)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0
