import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from davserver.engine.server import Bounds, Server
from tests.davserver.engine.raw import Address, Shelf

Start = Callable[..., Server]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start engines, and stop them after the test."""
    running: list[tuple[Server, threading.Thread]] = []

    def run(app: Any, *, bounds: Bounds = Bounds(), **options: Any) -> Server:  # noqa: B008  frozen
        server = Server(app, "127.0.0.1", 0, threads=4, bounds=bounds, **options)
        thread = threading.Thread(target=server.serve, daemon=True)
        thread.start()
        running.append((server, thread))
        return server

    yield run
    for server, thread in running:
        server.stop(grace_seconds=2)
        thread.join(5)
        assert not thread.is_alive()


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def ours(start: Start, shelf: Shelf) -> Address:
    """The address of an engine with short bounds and a shelf behind it."""
    return start(shelf, bounds=Bounds(body_idle_seconds=1, linger_seconds=0.3)).address


@pytest.fixture
def stock(tmp_path: Path) -> Iterator[Address]:
    """The address of WsgiDAV on cheroot as they come, but for a shorter time limit."""
    with stock_pair(tmp_path, timeout=1) as address:
        yield address


@pytest.fixture
def patient_stock(tmp_path: Path) -> Iterator[Address]:
    """The address of WsgiDAV on cheroot with the time limit that they come with."""
    with stock_pair(tmp_path, timeout=10) as address:
        yield address


@contextmanager
def stock_pair(folder: Path, timeout: float) -> Iterator[Address]:
    """Run the stock pair over a folder, in a process of its own."""
    script = Path(__file__).with_name("stock.py")
    process = subprocess.Popen(
        [sys.executable, script, folder, str(timeout)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        assert process.stdout is not None
        yield "127.0.0.1", int(process.stdout.readline())
        process.kill()


@pytest.fixture
def address(request: pytest.FixtureRequest) -> Address:
    """Ours or the stock pair's address, as `both` asks."""
    found: Address = request.getfixturevalue(request.param)
    return found
