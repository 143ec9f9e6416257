"""How to mount this server: the reader's own system first."""

from dataclasses import dataclass

from flask import Blueprint, request
from markupsafe import Markup

from webui.codes import qr_svg
from webui.site import is_local, page, root_url

blueprint = Blueprint("connect", __name__)

SYSTEMS = ("macos", "windows", "gnome", "kde", "davfs2", "rclone", "android", "ios", "curl")
UNTRIED = frozenset(
    {"macos", "windows", "kde", "android", "ios"}
)  # never tried on the system itself
_HINTS = (
    ("iphone", "ios"),
    ("ipad", "ios"),
    ("android", "android"),
    ("windows", "windows"),
    ("mac os", "macos"),
    ("linux", "gnome"),
)


@dataclass(frozen=True)
class Addresses:
    """The address of this server in the forms that programs expect."""

    url: str
    dav: str
    unc: str
    host: str


@blueprint.get("/connect")
def connect() -> str:
    """Show the address with a copy button and a QR code, and steps for each system."""
    addresses = addresses_of(root_url())
    own = own_system(request.user_agent.string)
    return page(
        "connect.html",
        addresses=addresses,
        systems=sorted(SYSTEMS, key=lambda system: system != own),
        own=own,
        untried=UNTRIED,
        is_plain=addresses.url.startswith("http:"),
        is_local=is_local(),
        qr=None if is_local() else _code(addresses.url),
    )


def own_system(program: str) -> str:
    """Return the system that the browser runs on."""
    agent = program.lower()
    return next((system for hint, system in _HINTS if hint in agent), "macos")


def addresses_of(root: str) -> Addresses:
    """Return the forms of an address such as `http://nas.local:8080/`."""
    url = root.rstrip("/") + "/"
    scheme, _, rest = url.partition("://")
    authority = rest.rstrip("/")
    host, _, port = (
        authority.rpartition(":") if ":" in authority.rpartition("]")[2] else (authority, "", "")
    )
    secure = "@SSL" if scheme == "https" else ""
    return Addresses(
        url=url,
        dav=f"{'davs' if scheme == 'https' else 'dav'}://{authority}/",
        unc=f"\\\\{host}{secure}{'@' + port if port else ''}\\DavWWWRoot",
        host=host,
    )


def _code(url: str) -> Markup:
    return qr_svg(url)
