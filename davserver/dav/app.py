"""The WebDAV face: WsgiDAV with one provider, checked XML, and one form of refusal."""

import logging
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any

from wsgidav.request_resolver import RequestResolver
from wsgidav.wsgidav_app import WsgiDAVApp

from davserver.dav import errors, xml_bounds
from davserver.dav.locks import LockManager
from davserver.dav.provider import Provider
from davserver.dav.reading import allowed
from davserver.dav.replies import Reply
from daydrop.library import Library

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


def create_app(library: Library) -> Application:
    """Return the WSGI application of the drive.

    It is called by the gate, which says in the environ who asks and which addresses mean us.
    """
    # it writes a traceback for each refused PUT; what matters is logged where it happens
    logging.getLogger("wsgidav").setLevel(logging.CRITICAL)
    manager = LockManager(library.locks)
    return Drive(WsgiDAVApp(_configuration(Provider(library, manager))), manager)


def _configuration(provider: Provider) -> dict[str, Any]:
    return {
        "provider_mapping": {"/": provider},
        # not the error printer (HTML, words of exceptions), not the directory browser (looks
        # every path up a second time), not the authenticator (accounts are the gate's)
        "middleware_stack": [RequestResolver],
        "http_authenticator": {"accept_basic": False, "accept_digest": False},
        "lock_storage": None,
        "property_manager": None,
        "logging": {"enable": False},
        "verbose": 1,
        "block_size": 262_144,
        "hotfixes": {"treat_root_options_as_asterisk": False},
    }


class Drive:
    """WsgiDAV, with requests prepared for it and its replies corrected."""

    def __init__(self, wsgidav: WsgiDAVApp, locks: LockManager) -> None:
        self._wsgidav = wsgidav
        for provider in wsgidav.provider_map.values():
            provider.set_lock_manager(locks)  # WsgiDAV has set its own, which is none

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        environ["wsgidav.auth.user_name"] = environ["daydrop.origin"].key
        reply = Reply(start_response)
        environ["daydrop.reply"] = reply
        if environ.get("HTTP_CONTENT_ENCODING", "").strip().lower() == "identity":
            del environ["HTTP_CONTENT_ENCODING"]  # not a coding; WsgiDAV answers 501 to any
        if environ["PATH_INFO"] == "*":
            environ["PATH_INFO"] = "/"  # of the whole server (RFC 9110 §9.3.7); WsgiDAV asserts
        try:
            xml_bounds.check_body(environ)
            blocks = iter(self._wsgidav(environ, reply.start))
            first = next(blocks, b"")
        except Exception as error:  # noqa: BLE001  each becomes an answer, a fault of ours a logged one
            return _refused(environ, start_response, errors.refusal(error))
        reply.send()
        return [] if reply.is_page else _Rest(first, blocks)


def _refused(
    environ: Environ, start_response: StartResponse, refusal: errors.Refusal
) -> list[bytes]:
    is_head = environ["REQUEST_METHOD"] == "HEAD"
    status, headers, body = errors.reply(refusal, with_body=not is_head)
    if refusal.value == HTTPStatus.METHOD_NOT_ALLOWED:
        headers.append(("Allow", allowed(environ["PATH_INFO"])))  # RFC 9110 §15.5.6
    start_response(status, headers)
    return [body]


class _Rest:
    """The blocks of a reply whose first one has been read."""

    def __init__(self, first: bytes, blocks: Iterator[bytes]) -> None:
        self._first, self._blocks = first, blocks

    def __iter__(self) -> Iterator[bytes]:
        yield self._first
        yield from self._blocks

    def close(self) -> None:
        """Close files when the client has gone before the end."""
        close = getattr(self._blocks, "close", None)
        if close is not None:
            close()
