import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.davserver.engine.raw import Address, Peer, get, request

MIB = 1 << 20


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[int, Address]]:
    """A process with an engine in it: its id and address."""
    program = tmp_path / "serve.py"
    program.write_text(
        textwrap.dedent("""
            from davserver.engine.server import Server
            from tests.davserver.engine.raw import Shelf

            server = Server(Shelf(), "127.0.0.1", 0)
            print(server.address[1], flush=True)
            server.serve()
        """)
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    process = subprocess.Popen(
        [sys.executable, program], stdout=subprocess.PIPE, text=True, env=environment
    )
    with process:
        assert process.stdout is not None
        yield process.pid, ("127.0.0.1", int(process.stdout.readline()))
        process.kill()


def peak(pid: int) -> int:
    """Return the most memory a process has had, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


@pytest.mark.slow
def test_a_refused_upload_of_2_gb_costs_at_most_16_mb_of_memory(server) -> None:
    pid, address = server
    get(address, "/warm")
    before = peak(pid)
    with Peer(address, patience=40) as peer:
        peer.say(request("PUT", "/refused", f"Content-Length: {2 << 30}"))
        assert peer.reply().status == 507
        sent = 0
        block = bytes(MIB)
        while sent < 2048 * MIB:
            try:
                peer.sock.sendall(block)
            except OSError:  # the server has had enough
                break
            sent += MIB
    assert peak(pid) - before <= 16 * MIB
    assert sent >= 256 * MIB
