"""kill -9 of the whole server under parallel load loses nothing that it answered with success."""

import hashlib
import http.client
import itertools
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Self

import pytest

from tests.checkout import ROOT, free_port, serving, wait_until_open
from tests.faults.asking import ENVIRONMENT, GOOD, ask, command, get
from tests.faults.scale import chosen, report
from tests.faults.scenarios import picture
from tests.faults.scenarios import serving as library_on

pytestmark = pytest.mark.faults
CLIENTS = 8


class Load:
    """Clients that put files, some by a temporary name, and note what was answered."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.sent: set[str] = set()
        self.answered: dict[str, bytes] = {}  # path in Upload -> bytes
        self.refused: list[int] = []
        self._threads = [threading.Thread(target=self._client, args=(n,)) for n in range(CLIENTS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for thread in self._threads:
            thread.join()

    def _client(self, client: int) -> None:
        """Until the server is gone: then the connection breaks."""
        try:
            for number in itertools.count():
                self._one(f"{client}-{number}", picture(f"load {client} {number}", 60_000))
        except (OSError, http.client.HTTPException):
            return

    def _one(self, name: str, body: bytes) -> None:
        final = f"/Upload/IMG_{name}.jpg"
        self.sent.add(hashlib.sha256(body).hexdigest())
        first = f"{final}.part" if name.endswith("3") else final
        status = ask(self.port, "PUT", first, body)
        if status in GOOD and first != final:
            status = ask(self.port, "MOVE", first, headers={"Destination": final})
        if status in GOOD:
            self.answered[final] = body
        else:
            self.refused.append(status)


def killed_under_load(folder: Path, seconds: float) -> Load:
    """Starts the server, puts load on it, and kills it with all it has started."""
    port = free_port()
    with (folder / "serve.log").open("wb") as words:
        server = subprocess.Popen(
            command(folder, "--port", str(port)),
            cwd=ROOT,
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until_open(port, server, folder / "serve.log")
        with Load(port) as load:
            time.sleep(seconds)
            server.send_signal(signal.SIGKILL)
    finally:
        server.kill()
        server.wait()
    return load


def test_what_was_answered_before_a_kill_is_there_after_a_restart(tmp_path):
    chance = random.Random("kill -9")
    answered: dict[str, bytes] = {}
    sent: set[str] = set()
    kills = chosen(20, 2)
    for _ in range(kills):
        load = killed_under_load(tmp_path, 1.5 + 2 * chance.random())
        assert load.refused == []
        answered |= load.answered
        sent |= load.sent
    assert answered
    with serving(command(tmp_path), tmp_path, ENVIRONMENT) as daydrop:
        assert get(daydrop.port, "/healthz").startswith(b'{"reason":null')
        lost = [path for path, body in answered.items() if get(daydrop.port, path) != body]
        again = [ask(daydrop.port, "PUT", path, body) for path, body in answered.items()]
    report(
        "kill -9 of the server",
        {"kills": kills, "clients": CLIENTS, "answered": len(answered), "lost": len(lost)},
    )
    assert lost == []
    assert set(again) <= set(GOOD)
    with library_on(tmp_path / "store") as library:
        files = [library.store.root / path for path in library.store.tree.files()]
        sums = Counter(hashlib.sha256(file.read_bytes()).hexdigest() for file in files)
        assert set(sums) <= sent
        assert set(sums.values()) == {1}
        # a kill between a temporary name and its MOVE leaves what was answered for that name
        waiting = library.catalogue.aliases.staged_names()
        assert set(library.store.staging.names()) == waiting
