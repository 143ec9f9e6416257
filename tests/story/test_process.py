"""Daydrop as its owner runs it: a real process, real sockets, stopped and killed for real."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest

from tests.media import photo

TAKEN = datetime(2024, 5, 17, 10, 11, 12)  # noqa: DTZ001  a wall clock
ROOT = Path(__file__).parents[2]
START_SECONDS = 60.0


class Daydrop:
    """A `daydrop serve` on a free port of this machine."""

    def __init__(self, store: Path, *options: str, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "davserver", "serve", "--port", "0", "--store", store, *options],
            cwd=ROOT,
            env=os.environ | {"DAYDROP_LIMITS__KEEP_FREE": "0"} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said: list[str] = []
        self.port = self._port()

    def _port(self) -> int:
        for line in self.process.stdout:
            self.said.append(line)
            if "serves http" in line:
                return int(line.rpartition(":")[2].strip().strip("/"))
        return 0

    def put(self, name: str, body: bytes) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("PUT", f"/Upload/{name}", body)
        status = connection.getresponse().status
        connection.close()
        return status

    def get(self, path: str) -> tuple[int, bytes, str | None]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", path)
        reply = connection.getresponse()
        body = reply.read()
        connection.close()
        return reply.status, body, reply.getheader("ETag")

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        self.process.send_signal(number)
        rest = self.process.communicate(timeout=START_SECONDS)[0]
        return self.process.returncode, "".join(self.said) + rest


@pytest.fixture
def start(tmp_path: Path) -> Iterator[object]:
    started: list[Daydrop] = []

    def begin(*options: str, **environment: str) -> Daydrop:
        started.append(Daydrop(tmp_path / "store", *options, **environment))
        return started[-1]

    yield begin
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
        each.process.communicate()


def tree(tmp_path: Path) -> list[str]:
    store = tmp_path / "store"
    files = (path for path in store.rglob("*") if path.is_file())
    return sorted(str(path.relative_to(store)) for path in files if ".daydrop" not in path.parts)


def test_it_starts_serves_and_stops_when_it_is_told_to(start, tmp_path):
    server = start()
    body = photo(taken=TAKEN)
    assert server.put("IMG_1.jpg", body) == 201
    assert server.get("/Upload/IMG_1.jpg")[:2] == (200, body)
    code, said = server.end()
    assert code == 0
    assert said.endswith("Daydrop has stopped; nothing was left half done.\n")
    assert "Traceback" not in said
    assert tree(tmp_path) == ["images/2024/05/17/IMG_1.jpg"]


def test_a_name_in_upload_answers_alike_after_a_restart(start):
    server, body = start(), photo(taken=TAKEN)
    server.put("IMG_1.jpg", body)
    before = server.get("/Upload/IMG_1.jpg")
    server.end()
    assert start().get("/Upload/IMG_1.jpg") == before


def test_an_upload_in_flight_is_finished_before_it_stops(start, tmp_path):
    server, body = start(), photo(taken=TAKEN, size=200_000)
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as wire:
        wire.sendall(
            b"PUT /Upload/IMG_1.jpg HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body)
        )
        wire.sendall(body[:100_000])
        time.sleep(0.5)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        wire.sendall(body[100_000:])
        assert wire.recv(64).startswith(b"HTTP/1.1 201 ")
    assert server.process.wait(START_SECONDS) == 0
    assert tree(tmp_path) == ["images/2024/05/17/IMG_1.jpg"]


def test_what_was_acknowledged_is_there_after_a_kill_in_the_middle_of_many(start, tmp_path):
    server = start()
    bodies = {f"IMG_{n}.jpg": photo(taken=TAKEN, seed=str(n), size=60_000) for n in range(40)}
    told: list[str] = []

    def send(name: str) -> None:
        try:
            if server.put(name, bodies[name]) == 201:
                told.append(name)
        except (OSError, http.client.HTTPException):
            return  # killed: never acknowledged
        if len(told) == 12:
            server.process.kill()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(send, bodies))
    assert len(told) >= 12
    again = start()
    for name in told:
        assert again.get(f"/Upload/{name}")[:2] == (200, bodies[name])
    code, said = again.end()
    assert (code, "Traceback" in said) == (0, False)
    stored = [(tmp_path / "store" / path).read_bytes() for path in tree(tmp_path)]
    assert all(body in bodies.values() for body in stored), "nothing half is visible"


def test_a_second_server_on_the_same_store_is_refused_with_a_sentence(start):
    start()
    second = start()
    assert second.process.wait(START_SECONDS) == 1
    assert "daydrop serve is using the store" in "".join(second.said)


def test_a_port_that_is_taken_is_refused_with_a_sentence(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "davserver", "serve", "--port", port, "--store", tmp_path],
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
        )
    assert done.returncode == 1
    assert f"Port {port} of 127.0.0.1 cannot be used" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["verify", "rescan", "doctor", "refile"])
def test_the_commands_speak_plainly_on_an_empty_store(command, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "davserver", command, "--store", tmp_path / "store"],
        cwd=ROOT,
        env=os.environ | {"DAYDROP_DATES__MEDIA_TIMEZONE": "Europe/Rome"},
        check=False,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip()
    assert "Traceback" not in done.stderr
