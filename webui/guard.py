"""What every answer carries, and which requests are not answered at all."""

import gzip
from urllib.parse import urlsplit

from flask import Request, Response

POLICY = (
    "default-src 'self'; "
    "script-src 'self'; "
    "style-src 'self'; "
    "img-src 'self' blob: data:; "
    "media-src 'self' blob:; "
    "connect-src 'self'; "
    "object-src 'none'; "
    "base-uri 'none'; "
    "frame-ancestors 'none'; "
    "form-action 'self'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), microphone=(), payment=()",
}
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_FOREIGN_SITES = frozenset({"cross-site", "same-site"})
_PACKED_TYPES = ("text/html", "application/json", "application/manifest+json")
_WORTH_PACKING = 1024


def is_foreign(request: Request) -> bool:
    """Whether another site's page sent this change: its browser says so, no token is needed."""
    if request.method in _SAFE:
        return False
    if request.headers.get("Sec-Fetch-Site") in _FOREIGN_SITES:
        return True
    origin = request.headers.get("Origin")
    if origin is None:
        return False
    return urlsplit(origin).netloc.lower() != asked_host(request).lower()


def asked_host(request: Request) -> str:
    """The host that the browser asked for; the gate before both faces knows what a proxy told."""
    told = request.environ.get("daydrop.host")
    return told if isinstance(told, str) else request.host


def dress(request: Request, reply: Response) -> Response:
    """Adds the headers of every answer, and packs what is text."""
    for name, value in HEADERS.items():
        reply.headers.setdefault(name, value)
    if _is_worth_packing(request, reply):
        reply.set_data(gzip.compress(reply.get_data(), 5, mtime=0))
        reply.headers["Content-Encoding"] = "gzip"
        reply.vary.add("Accept-Encoding")
    return reply


def _is_worth_packing(request: Request, reply: Response) -> bool:
    return (
        reply.mimetype in _PACKED_TYPES
        and not reply.is_streamed
        and not reply.direct_passthrough
        and "Content-Encoding" not in reply.headers
        and request.accept_encodings.quality("gzip") > 0
        and len(reply.get_data()) >= _WORTH_PACKING
    )
