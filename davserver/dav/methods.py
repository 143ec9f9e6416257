"""The methods that Daydrop answers itself; WsgiDAV keeps LOCK, PROPPATCH and MKCOL."""

from collections.abc import Callable, Iterable
from typing import Any

from davserver.dav.errors import Refusal, refusal
from davserver.dav.put import do_put
from davserver.dav.reading import do_get, do_options, do_propfind
from davserver.dav.writing import do_copy, do_delete, do_move, do_unlock
from daydrop.errors import Code, Refused
from daydrop.library import Library

READING = frozenset({"OPTIONS", "GET", "HEAD", "PROPFIND"})
_BAD_RANGE = "A part of a file cannot be written: send the whole file."

OWN: dict[str, Callable[[Any, dict[str, Any]], Iterable[bytes]]] = {
    "OPTIONS": do_options,
    "PROPFIND": do_propfind,
    "GET": do_get,
    "HEAD": do_get,
    "PUT": do_put,
    "UNLOCK": do_unlock,
    "DELETE": do_delete,
    "MOVE": do_move,
    "COPY": do_copy,
}


def check_writing(library: Library, environ: dict[str, Any]) -> None:
    """Raise Refusal for what may not be written at all.

    A PUT of a part must never look like a success (RFC 9110 §14.5), and a coded body is none of
    ours to decode.
    """
    method = environ["REQUEST_METHOD"]
    if method in READING:
        return
    if library.is_read_only:
        raise refusal(Refused(Code.READ_ONLY))
    if method == "PUT" and "HTTP_CONTENT_RANGE" in environ:
        raise Refusal(400, _BAD_RANGE)
    if method == "PUT" and "HTTP_CONTENT_ENCODING" in environ:
        raise Refusal(501)
