"""Whole servers for tests: a library of one's own, and both faces behind the gate."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from config.settings import read_settings
from davserver.app import create_app
from davserver.dispatch import Dispatcher
from library.clock import Clock
from library.library import Library


def page(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Stands for the other face."""
    start_response("200 OK", [("Content-Type", "text/html"), ("X-Face", "page")])
    return [b"a page"]


def site(library: Library) -> Dispatcher:
    """Both faces behind the gate."""
    return Dispatcher(create_app(library), page, library)


class Hand:
    """A clock that is moved by hand."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self.seconds = start
        self.clock = Clock(self._read, self._read)

    def _read(self) -> float:
        return self.seconds

    def pass_by(self, seconds: float) -> None:
        """Lets time pass."""
        self.seconds += seconds


def make_library(root: Path, clock: Clock | None = None, **limits: object) -> Library:
    """A library with limits of its own; nothing of it runs until it is started."""
    options = {"store": {"root": root}, "limits": {"keep_free": 0, **limits}}
    return Library(read_settings(options, {}), clock=clock)
