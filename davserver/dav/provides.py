"""What the methods need of the provider: what stands at a path."""

from typing import Any, Protocol

from davserver.dav.errors import Refusal
from davserver.dav.resources import File, Folder
from daydrop.library import Library


class Provides(Protocol):
    """The provider, as the methods see it."""

    library: Library

    def get_resource_inst(self, path: str, environ: dict[str, Any]) -> Folder | File | None:
        """Return what stands at a path."""

    def exact(self, path: str, environ: dict[str, Any]) -> Folder | File | None:
        """Return what stands at a path in `Upload`, letter by letter."""


def target_of(provider: Provides, environ: dict[str, Any]) -> Folder | File:
    """Return what a request is about; raises Refusal(404) when nothing is there."""
    found = provider.get_resource_inst(environ["PATH_INFO"], environ)
    if found is None:
        raise Refusal(404)
    return found
