"""What every answer carries: its policy, and its text compressed."""

import gzip

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
_COMPRESSED_TYPES = ("text/html", "application/json", "application/manifest+json")
_WORTH_COMPRESSING = 1024


def dress(request: Request, reply: Response) -> Response:
    """Add the headers of every answer, and compress what is text."""
    for name, value in HEADERS.items():
        reply.headers.setdefault(name, value)
    if _is_worth_compressing(request, reply):
        reply.set_data(gzip.compress(reply.get_data(), 5, mtime=0))
        reply.headers["Content-Encoding"] = "gzip"
        reply.vary.add("Accept-Encoding")
    return reply


def _is_worth_compressing(request: Request, reply: Response) -> bool:
    return (
        reply.mimetype in _COMPRESSED_TYPES
        and not reply.is_streamed
        and not reply.direct_passthrough
        and "Content-Encoding" not in reply.headers
        and request.accept_encodings.quality("gzip") > 0
        and len(reply.get_data()) >= _WORTH_COMPRESSING
    )
