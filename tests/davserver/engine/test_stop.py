import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from davserver.engine.server import Bounds, Server
from tests.davserver.engine.raw import Peer, Shelf, eventually, put, request


@pytest.fixture
def running(shelf: Shelf):
    server = Server(shelf, "127.0.0.1", 0, threads=2, bounds=Bounds(linger_seconds=0.1))
    thread = threading.Thread(target=server.serve)
    thread.start()
    yield server
    server.stop(0)
    thread.join(5)
    assert not thread.is_alive()


def test_stop_lets_an_upload_in_flight_finish(running: Server, shelf: Shelf) -> None:
    with Peer(running.address) as peer:
        peer.say(put("/a", b"hello")[:-1])
        assert shelf.begun.wait(5)
        stopper = threading.Thread(target=running.stop, args=(10,))
        stopper.start()
        time.sleep(0.3)
        assert stopper.is_alive()
        reply = peer.say(b"o").reply()
        stopper.join(5)
        assert not stopper.is_alive()
    assert (reply.status, reply.headers["connection"]) == (201, "close")
    assert shelf.kept == {"/a": b"hello"}


def test_stop_takes_no_new_connection_and_closes_idle_ones(running: Server) -> None:
    with Peer(running.address) as idle, Peer(running.address) as half:
        assert idle.say(request("GET", "/")).reply().status == 404
        half.say(b"GET / HT")
        running.stop(5)
        assert idle.is_closed()
        assert half.is_closed()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(running.address, timeout=2)


def test_stop_breaks_off_what_outlasts_the_grace(running: Server, shelf: Shelf) -> None:
    with Peer(running.address) as peer:
        peer.say(put("/a", b"hello")[:-1])
        assert shelf.begun.wait(5)
        running.stop(0.2)
        assert peer.is_closed()
    assert not shelf.kept


def test_stop_before_serve_frees_the_address(shelf: Shelf) -> None:
    server = Server(shelf, "127.0.0.1", 0)
    server.stop()
    server.serve()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(server.address)


def test_stop_twice_is_once(running: Server) -> None:
    running.stop(1)
    running.stop(1)


def test_a_port_in_use_is_an_error(running: Server, shelf: Shelf) -> None:
    with pytest.raises(OSError):
        Server(shelf, *running.address)


def test_sigterm_in_the_serving_thread_stops_after_the_last_upload(tmp_path: Path) -> None:
    program = tmp_path / "serve.py"
    program.write_text(
        textwrap.dedent("""
            import signal
            from davserver.engine.server import Server
            from tests.davserver.engine.raw import Shelf

            server = Server(Shelf(), "127.0.0.1", 0)
            signal.signal(signal.SIGTERM, lambda *_: server.stop())
            print(server.address[1], flush=True)
            server.serve()
            print("stopped", flush=True)
        """)
    )
    root = Path(__file__).parents[3]
    process = subprocess.Popen(
        [sys.executable, program],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    with process:
        assert process.stdout is not None
        address = "127.0.0.1", int(process.stdout.readline())
        with Peer(address) as peer:
            peer.say(request("PUT", "/a", "Content-Length: 5", "Expect: 100-continue"))
            assert peer.head().status == 100  # so it is at work
            process.send_signal(signal.SIGTERM)
            assert eventually(lambda: _refuses(address))
            assert peer.say(b"hello").reply().status == 201
        assert process.stdout.readline() == "stopped\n"
        assert process.wait(10) == 0


def _refuses(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=1).close()
    except (ConnectionRefusedError, ConnectionResetError):  # closed, or closing right now
        return True
    return False
