"""Measure the HTTP engine beside what it is made of: CPU seconds of the server, in one run.

    python benchmarks/engine.py [--mebibytes 1024] [--files 1000] [--runs 3] [--folder DIR]

Three servers take turns: stock WsgiDAV on stock cheroot, a plain application on stock cheroot,
and the same application on our engine. The ratios count; seconds are this machine's.
"""
# ruff: noqa: INP001, T201  a script by itself, which prints what it finds

import argparse
import hashlib
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from cheroot.wsgi import Server as StockServer  # noqa: E402  after the path is set
from wsgidav.wsgidav_app import WsgiDAVApp  # noqa: E402

from davserver.engine.server import Server  # noqa: E402

BLOCK = 256 * 1024
SMALL = 100 * 1024
SERVERS = ("stock pair", "stock cheroot", "engine", "engine, sha256")
Cost = dict[str, float]


def plain_app(folder: Path, *, hashes: bool) -> Callable[..., Iterable[bytes]]:
    """Return an application that writes what is PUT to a file and sends files back."""

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = folder / environ["PATH_INFO"].lstrip("/")
        if environ["REQUEST_METHOD"] == "PUT":
            with path.open("wb") as file:
                receive(environ["wsgi.input"], file, hashes=hashes)
            start_response("201 Created", [("Content-Length", "0")])
            return []
        size = path.stat().st_size
        start_response("200 OK", [("Content-Length", str(size))])
        file = path.open("rb")
        if slot := environ.get("daydrop.sendfile"):
            slot.put(file, 0, size)
            return []
        return iter(lambda: file.read(BLOCK), b"")

    return app


def receive(body: Any, file: Any, *, hashes: bool) -> None:
    """Move a body into a file, by `readinto` where there is one."""
    digest = hashlib.sha256()
    if not hasattr(body, "readinto"):
        while block := body.read(BLOCK):
            file.write(block)
        return
    view = memoryview(bytearray(BLOCK))
    while count := body.readinto(view):
        if hashes:
            digest.update(view[:count])
        file.write(view[:count])


def serve(kind: str, folder: Path) -> None:
    """Serve in this process until it is killed."""
    if kind.startswith("engine"):
        ours = Server(plain_app(folder, hashes="sha256" in kind), "127.0.0.1", 0)
        print(ours.address[1], flush=True)
        ours.serve()
        return
    app: Any = plain_app(folder, hashes=False)
    if kind == "stock pair":
        anyone = {"user_mapping": {"*": True}}
        quiet = {"logging": {"enable": False}, "verbose": 0}
        make: Any = WsgiDAVApp  # it has no types
        app = make({"provider_mapping": {"/": str(folder)}, "simple_dc": anyone, **quiet})
    stock = StockServer(("127.0.0.1", 0), app)
    stock.prepare()
    print(stock.bind_addr[1], flush=True)
    stock.serve()


@contextmanager
def serving(kind: str, folder: Path) -> Iterator[tuple[int, int]]:
    """Run a server of its kind; give its process id and port."""
    command = [sys.executable, __file__, "--serve", kind, "--folder", str(folder)]
    with subprocess.Popen(  # noqa: S603  this very file
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield process.pid, int(next(iter(process.stdout or ())))
        finally:
            process.kill()


def cpu_seconds(pid: int) -> float:
    """Return user and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def put(sock: socket.socket, path: str, size: int) -> None:
    """Upload `size` bytes and read the reply."""
    sock.sendall(f"PUT {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n".encode())
    block = bytes(min(size, 1 << 20))
    for _ in range(size // len(block)):
        sock.sendall(block)
    take_reply(sock)


def get(sock: socket.socket, path: str) -> None:
    """Download a file."""
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    take_reply(sock)


def take_reply(sock: socket.socket) -> None:
    """Read a reply of known length to its end. Raises ValueError on a refusal."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += sock.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 2"):
        raise ValueError(head)
    length = re.search(rb"(?i)content-length: *([0-9]+)", head)
    left = int(length[1]) - len(body) if length else 0
    view = memoryview(bytearray(1 << 20))
    while left:
        left -= sock.recv_into(view, min(left, len(view)))


def measure(kind: str, folder: Path, size: int, files: int) -> Cost:
    """Return the CPU seconds of one server for each kind of load."""
    with serving(kind, folder) as (pid, port):
        sock = socket.create_connection(("127.0.0.1", port))

        def cost(load: Callable[[], None]) -> float:
            before = cpu_seconds(pid)
            load()
            return cpu_seconds(pid) - before

        names = [f"/small-{number}" for number in range(files)]

        def put_all() -> None:
            for name in names:
                put(sock, name, SMALL)

        def get_all() -> None:
            for name in names:
                get(sock, name)

        figures = {
            "PUT, one large": cost(lambda: put(sock, "/large", size)),
            "GET, one large": cost(lambda: get(sock, "/large")),
            "PUT, many small": cost(put_all),
            "GET, many small": cost(get_all),
        }
        sock.close()
    for path in folder.iterdir():
        path.unlink()
    return figures


def main() -> None:
    """Measure all servers in turns, and print medians and ratios to the stock pair."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mebibytes", type=int, default=1024)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.folder)
        return
    runs: dict[str, list[Cost]] = {kind: [] for kind in SERVERS}
    for _ in range(options.runs):
        for kind in SERVERS:
            with tempfile.TemporaryDirectory(dir=options.folder) as folder:
                size = options.mebibytes << 20
                runs[kind].append(measure(kind, Path(folder), size, options.files))
    report(runs)


def report(runs: dict[str, list[Cost]]) -> None:
    """Print a line for each server: median CPU seconds, and the ratio to the first."""
    loads = list(runs[SERVERS[0]][0])
    print(f"{'CPU seconds (ratio)':20}" + "".join(f"{load:>20}" for load in loads))
    medians = {
        kind: {load: statistics.median(run[load] for run in taken) for load in loads}
        for kind, taken in runs.items()
    }
    for kind, row in medians.items():
        first = medians[SERVERS[0]]
        cells = (f"{row[load]:.2f} ({row[load] / (first[load] or 0.01):.2f})" for load in loads)
        print(f"{kind:20}" + "".join(f"{cell:>20}" for cell in cells))


if __name__ == "__main__":
    main()
