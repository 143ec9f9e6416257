"""Who asks and for whom: proxies and client addresses, the names of this server, foreign sites.

All of it is derived once from the settings. Every place that has to know whether an address means
this server asks `Site`: the gate for `Host` and `Origin`, the drive for `Destination` and `If`.
"""

import ipaddress
import re
import socket
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Final, Self
from urllib.parse import unquote, urlsplit

import structlog

from daydrop.origin import Origin, address_key, origin_of
from daydrop.programs import program_of
from daydrop.settings import ServerSettings

Environ = dict[str, Any]

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "PROPFIND"})
_FOREIGN_SITES: Final = frozenset({"cross-site", "same-site"})
_USUAL_PORTS: Final = (":80", ":443")
# some programs leave `#` and `?` in names as they are: no query and no fragment is looked for
_ADDRESS: Final = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*://(?P<authority>[^/]*))?(?P<path>/.*)")


@dataclass(frozen=True)
class Proxies:
    """The proxies whose headers about their clients are believed."""

    networks: tuple[IPv4Network | IPv6Network, ...]

    def trust(self, address: str) -> bool:
        """Return whether this is the address of a trusted proxy."""
        try:
            parsed = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(parsed, "ipv4_mapped", None) or parsed
        return any(mapped in network for network in self.networks)

    def client_address(self, peer: str, forwarded: str) -> str:
        """Return the first address from the right that is not a trusted proxy's."""
        address = peer
        for hop in reversed([each.strip() for each in forwarded.split(",") if each.strip()]):
            if not self.trust(address):
                return address
            address = hop.strip("[]") if hop.count(":") != 1 else hop.partition(":")[0]
        return address

    def counted_as(self, address: str) -> str | None:
        """Return the key that an address shares its connections with; None for a proxy."""
        return None if self.trust(address) else address_key(address)


@dataclass(frozen=True)
class Names:
    """The host names that this server answers to, and the authority of its public address."""

    hosts: frozenset[str]
    public: str

    @classmethod
    def of(cls, settings: ServerSettings) -> Self:
        """Return the names of this machine and those of the settings."""
        here = socket.gethostname().lower()
        # asking a resolver for more could hang
        hosts = {"localhost", here, f"{here.partition('.')[0]}.local"}
        hosts |= {host.lower() for host in settings.hosts}
        public = urlsplit(settings.public_url or "").netloc
        return cls(frozenset(hosts | {_host(public)}) - {""}, public)

    def include(self, authority: str) -> bool:
        """Return whether a Host header names this server: plain addresses always do.

        A browser that DNS rebinding has led here would send another name.
        """
        host = _host(authority)
        if host in self.hosts:
            return True
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return host.endswith(".localhost")
        return True


@dataclass(frozen=True)
class Site:
    """This server as one request addresses it."""

    asked: str
    """The authority in the request, or in what a trusted proxy passed on."""
    authorities: frozenset[str]
    """That one, the one the proxy itself asked for, and the public one; never a usual port."""

    @classmethod
    def of(cls, host: str, forwarded: str, names: Names) -> Self:
        """Return the site of a request with this Host header; `forwarded` may be empty."""
        known = (_without_usual_port(each) for each in (host, forwarded, names.public))
        return cls(forwarded or host, frozenset(known) - {""})

    def is_this(self, authority: str) -> bool:
        """Return whether `host:port` means this server. Credentials before it are ignored."""
        return _without_usual_port(authority.rpartition("@")[2]) in self.authorities

    def path_of(self, address: str) -> str | None:
        """Return the decoded path of an absolute URL or path; None for a URL of another server.

        Raises ValueError for anything else, and for a path that is not UTF-8.
        """
        parts = _ADDRESS.fullmatch(address)
        if parts is None:
            raise ValueError("neither an absolute URL nor an absolute path")
        if parts["authority"] is not None and not self.is_this(parts["authority"]):
            return None
        return unquote(parts["path"].encode("latin-1", "replace"), errors="strict")


class Peers:
    """Names the origin of a request, and the site it is for."""

    def __init__(self, settings: ServerSettings) -> None:
        self.names: Final = Names.of(settings)
        self._proxies = Proxies(settings.trusted_proxies)
        self._has_warned = False

    def origin(self, environ: Environ) -> Origin:
        """Return who asks, as far as the proxies before this server can be believed."""
        peer = environ.get("REMOTE_ADDR", "")
        forwarded = environ.get("HTTP_X_FORWARDED_FOR", "")
        address = self._proxies.client_address(peer, forwarded)
        origin = origin_of(address, program=program_of(environ.get("HTTP_USER_AGENT", "")))
        if forwarded and not self._proxies.trust(peer):
            self._warn_of_proxy(peer)
            # whatever the proxy is for, its client does not sit at this machine
            return replace(origin, is_owner=False)
        return origin

    def _warn_of_proxy(self, peer: str) -> None:
        if not self._has_warned:
            self._has_warned = True
            structlog.get_logger().warning(
                "X-Forwarded-For is ignored: add the proxy to server.trusted_proxies", proxy=peer
            )

    def site(self, environ: Environ) -> Site:
        """Return the site of a request; host and scheme that a trusted proxy was asked for hold."""
        host, forwarded = environ.get("HTTP_HOST", ""), ""
        if self._proxies.trust(environ.get("REMOTE_ADDR", "")):
            forwarded = _first(environ, "HTTP_X_FORWARDED_HOST")
            environ["HTTP_HOST"] = forwarded or host
            scheme = _first(environ, "HTTP_X_FORWARDED_PROTO").lower()
            if scheme in ("http", "https"):
                environ["wsgi.url_scheme"] = scheme
        return Site.of(host, forwarded, self.names)


def is_foreign(environ: Environ, site: Site) -> bool:
    """Return whether a page of another site sent this change; drives send neither header."""
    if environ["REQUEST_METHOD"] in _SAFE:
        return False
    if environ.get("HTTP_SEC_FETCH_SITE", "").lower() in _FOREIGN_SITES:
        return True
    origin = environ.get("HTTP_ORIGIN")
    return origin is not None and not site.is_this(urlsplit(origin).netloc)


def _first(environ: Environ, name: str) -> str:
    text: str = environ.get(name, "")
    return text.partition(",")[0].strip()


def _host(authority: str) -> str:
    """Return the host of `host:port`, in lower case."""
    if authority.startswith("["):
        return authority[1:].partition("]")[0].lower()
    host = authority.rpartition(":")[0] if ":" in authority else authority
    return host.rstrip(".").lower()


def _without_usual_port(authority: str) -> str:
    """Return an authority that can be compared: behind a proxy for https either port may come."""
    lower = authority.lower()
    for port in _USUAL_PORTS:
        lower = lower.removesuffix(port)
    return lower
