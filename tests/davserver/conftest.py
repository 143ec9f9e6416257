"""One real library for all tests of the drive; each test comes from an address of its own."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import structlog

from davserver.gate import Gate
from daydrop.clock import Clock
from daydrop.library import Library
from daydrop.readers.workers import Workers
from tests.drive import Drive
from tests.sites import make_library, site

_ADDRESSES = count(1)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    opened = make_library(tmp_path_factory.mktemp("store"), batch_files=1000)
    opened.start()
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def app(library: Library) -> Gate:
    return site(library)


@pytest.fixture
def drive(app: Gate) -> Drive:
    """A client that nobody else is."""
    number = next(_ADDRESSES)
    return Drive(app, f"10.0.{number // 250}.{number % 250 + 1}")


@pytest.fixture
def other(app: Gate) -> Drive:
    """Another client."""
    number = next(_ADDRESSES)
    return Drive(app, f"10.1.{number // 250}.{number % 250 + 1}")


@pytest.fixture
def own(tmp_path: Path, workers: Workers) -> Iterator[Callable[..., Library]]:
    """Makes libraries that a test has to itself."""
    opened: list[Library] = []

    def make(clock: Clock | None = None, root: Path | None = None, **limits: object) -> Library:
        library = make_library(root or tmp_path / "own", clock, workers=workers, **limits)
        library.start()
        opened.append(library)
        return library

    yield make
    for library in opened:
        library.close()


@pytest.fixture
def log() -> Iterator[list[Any]]:
    """What is logged, as facts, whatever other tests have set up."""
    before = structlog.get_config()
    structlog.reset_defaults()
    with structlog.testing.capture_logs() as lines:
        yield lines
    structlog.configure(**before)
