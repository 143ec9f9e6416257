"""A real library on a temporary store."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daydrop.filing.announcement import Announcement
from daydrop.library import Library
from daydrop.origin import Origin, origin_of
from daydrop.readers.workers import Workers
from daydrop.settings import Settings, read_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return read_settings({"store": {"root": tmp_path / "store"}, "limits": {"keep_free": 0}}, {})


@pytest.fixture
def library(settings: Settings, workers: Workers) -> Iterator[Library]:
    opened = Library(settings, workers=workers)
    opened.start()
    yield opened
    opened.close()


@pytest.fixture
def stopped() -> Workers:
    """Readers that read nothing any more."""
    made = Workers()
    made.stop()
    return made


@pytest.fixture
def origin() -> Origin:
    return origin_of("192.168.1.20", program="pytest")


Send = Callable[..., object]


@pytest.fixture
def send(library: Library, origin: Origin) -> Send:
    """Sends bytes as the drive does, in blocks of 64 KB."""

    def put(name: str, body: bytes, **more: object) -> object:
        announced = {"origin": origin, "size": len(body), "alias": name} | more
        alias = str(announced["alias"])
        announcement = Announcement(name=alias.rpartition("/")[2], **announced)  # type: ignore[arg-type]  # passed on
        with library.door.begin(announcement) as incoming:
            for at in range(0, len(body), 65536):
                incoming.write(body[at : at + 65536])
            return incoming.commit()

    return put
