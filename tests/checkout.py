"""Copies of this checkout to set up, build and run, and a Daydrop process to talk to."""

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
START_TIME = 60.0  # seconds, on a loaded machine
STOP_TIME = 40.0  # `serve` gives uploads in flight 30 s


@dataclass(frozen=True)
class Running:
    """A Daydrop that listens on loopback."""

    port: int
    process: subprocess.Popen[bytes]

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Send one request; return status and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


def fresh_copy(target: Path) -> Path:
    """Copy what git would keep of this checkout, as it is now, and nothing that was made in it."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    for name in filter(None, names.split("\0")):
        source = ROOT / name
        if source.is_file():  # a file deleted but not yet committed is still listed
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target / name)
    return target


def bare_environment(programs: Path, *names: str) -> dict[str, str]:
    """Return an environment whose PATH has only the named programs, linked into `programs`.

    `python3` is the one that runs the tests. Settings of package clients stay: a machine may reach
    its registries only by them.
    """
    programs.mkdir()
    for name in names:
        found = os.path.realpath(sys.executable) if name == "python3" else shutil.which(name)
        assert found is not None, f"{name} is needed on the PATH"
        (programs / name).symlink_to(found)
    ours = ("DAYDROP", "PYTHON", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "PATH": str(programs)}


@contextmanager
def serving(
    command: Sequence[str | Path], folder: Path, environ: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """Start a Daydrop on a free port in `folder`, wait until it listens, and stop it by SIGTERM.

    The stop must be clean: a status other than 0 fails the test.
    """
    port = free_port()
    log = folder / "serve.log"
    with log.open("wb") as words:
        process = subprocess.Popen(
            [*command, "--port", str(port)],
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until_open(port, process, log)
        yield Running(port, process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOP_TIME) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    """Find a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_open(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait for the port to accept connections; fail with the process's words if it ends first."""
    deadline = time.monotonic() + START_TIME
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"Daydrop did not listen: {log.read_text()}")
