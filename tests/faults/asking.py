"""The real server as a program of its own, and single requests to it."""

import http.client
import os
import sys
from pathlib import Path

from tests.checkout import ROOT

GOOD = (201, 204)
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}


def command(folder: Path, *more: str, settings: Path | None = None) -> list[str | Path]:
    """What starts a server on the store in `folder`, with limits that do not matter."""
    settings = settings or folder / "daydrop.toml"
    if not settings.exists():
        settings.write_text("[limits]\nbatch_files = 100000\nkeep_free = 0\n", encoding="utf-8")
    program = [sys.executable, "-m", "davserver", "serve", "--config", settings]
    return [*program, "--store", folder / "store", *more]


def ask(
    port: int, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> int:
    """One request on a connection of its own; its status."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def get(port: int, path: str) -> bytes:
    """The body of a GET."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    finally:
        connection.close()
