"""How our own methods answer: past WsgiDAV, which would close a connection after a stream."""

from collections.abc import Callable
from typing import Any

from davserver.dav.errors import Header


class Reply:
    """The beginning of a reply, held back until its first byte or its end."""

    def __init__(self, start_response: Callable[..., Any]) -> None:
        self._start_response = start_response
        self._status = ""
        self._headers: list[Header] = []
        self.is_page = False

    def start(
        self,
        status: str,
        headers: list[Header],
        exc_info: object = None,  # noqa: ARG002  WSGI
    ) -> None:
        """Note status and headers.

        WsgiDAV's pages of HTML are dropped, and its `Connection: close`: only the engine knows
        whether the wire is clean.
        """
        kept = [pair for pair in headers if pair[0].lower() not in ("connection", "date")]
        self.is_page = any(
            name.lower() == "content-type" and value.startswith("text/html") for name, value in kept
        )
        if self.is_page:
            lengths = ("content-type", "content-length")
            kept = [pair for pair in kept if pair[0].lower() not in lengths]
            kept.append(("Content-Length", "0"))
        self._status, self._headers = status, kept

    def send(self) -> None:
        """Hand status and headers to the server."""
        if not self._status:
            raise RuntimeError("a handler ended without a reply")
        self._start_response(self._status, self._headers)


def start(environ: dict[str, Any], status: str, headers: list[Header]) -> None:
    """Begin the reply to a request."""
    environ["daydrop.reply"].start(status, headers)


def done(environ: dict[str, Any], status: str, headers: list[Header] | None = None) -> list[bytes]:
    """Answer without a body."""
    start(environ, status, [*(headers or []), ("Content-Length", "0")])
    return [b""]
