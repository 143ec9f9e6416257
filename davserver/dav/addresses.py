"""Addresses in `Upload`: of a path, and of a resource as WsgiDAV's locks know it."""

from urllib.parse import quote, unquote

UPLOAD = "/Upload"


def href(path: str) -> str:
    """Return the address of a path in `Upload`."""
    return quote(f"{UPLOAD}/{path}", safe="/!*'(),$-_.~@")


def ref_url(origin: str, path: str) -> str:
    """Return the key under which WsgiDAV speaks of a resource to us: origin and path."""
    return f"/{quote(origin, safe='')}{quote(path)}"


def parts_of(ref: str) -> tuple[str, str | None]:
    """Return the origin and the path in `Upload` of such a key; None for a path elsewhere."""
    origin, _, rest = ref.lstrip("/").partition("/")
    path = f"/{unquote(rest).rstrip('/')}"
    if path != UPLOAD and not path.startswith(f"{UPLOAD}/"):
        return unquote(origin), None
    return unquote(origin), path[len(UPLOAD) + 1 :]
