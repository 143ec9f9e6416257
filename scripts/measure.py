"""Measure a Daydrop: uploads by several clients at once, then reading and listing what was filed.

Figures are for comparing two states of this checkout on one machine, not for quoting.
"""

import argparse
import http.client
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from tests.checkout import ROOT, serving
from tests.media import photo

FOLDER = "/images/2024/05/17/"
LISTINGS = 20
GOOD = (HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NO_CONTENT, HTTPStatus.MULTI_STATUS)


@dataclass(frozen=True)
class Answer:
    """What one request came to."""

    status: int
    size: int  # bytes of the answer's body
    seconds: float


def main() -> None:
    """Start Daydrop in a passing store, put the load on it, print a line for each kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--kilobytes", type=int, default=200, help="size of a photo")
    options = parser.parse_args()
    names = [f"IMG_{number}.jpg" for number in range(options.files)]
    size = options.kilobytes * 1024
    bodies = {name: photo(seed=name, size=size) for name in names}  # not on the clock
    with tempfile.TemporaryDirectory(prefix="daydrop-bench-") as folder:
        config = Path(folder, "bench.toml")
        config.write_text(f"[limits]\nbatch_files = {options.files}\n")
        command = [str(ROOT / ".venv/bin/daydrop"), "serve", "--config", str(config)]
        with serving([*command, "--store", f"{folder}/store"], Path(folder)) as daydrop:

            def put(name: str) -> Answer:
                return ask(daydrop.port, "PUT", f"/Upload/{name}", bodies[name])

            def get(name: str) -> Answer:
                return ask(daydrop.port, "GET", FOLDER + name)

            def listing(_: str) -> Answer:
                return ask(daydrop.port, "PROPFIND", FOLDER)

            report("upload", size * len(names), at_once(options.clients, put, names))
            report("read", size * len(names), at_once(options.clients, get, names))
            report("list", 0, at_once(1, listing, names[:LISTINGS]))


def ask(port: int, method: str, path: str, body: bytes | None = None) -> Answer:
    """Send one request on a connection of its own, as most clients do."""
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request(method, path, body, {"Depth": "1"})
        response = connection.getresponse()
        size = len(response.read())
    finally:
        connection.close()
    return Answer(response.status, size, time.monotonic() - began)


def at_once(
    clients: int, work: Callable[[str], Answer], names: Sequence[str]
) -> tuple[float, list[Answer]]:
    """Let so many clients do the work on the names; return the seconds it took and the answers."""
    began = time.monotonic()
    with ThreadPoolExecutor(clients) as pool:
        answers = list(pool.map(work, names))
    return time.monotonic() - began, answers


def report(what: str, size: int, outcome: tuple[float, list[Answer]]) -> None:
    """Print rate, times and any status that is no success."""
    seconds, answers = outcome
    times = sorted(answer.seconds * 1000 for answer in answers)
    failed = [answer.status for answer in answers if answer.status not in GOOD]
    late = times[min(len(times) - 1, int(len(times) * 0.99))]
    print(
        f"{what:8}{len(answers) / seconds:8.1f}/s  {size / seconds / 1e6:7.1f} MB/s"
        f"  p50 {statistics.median(times):7.1f} ms  p99 {late:7.1f} ms  failed {len(failed)}",
        *sorted(set(failed)),
    )


if __name__ == "__main__":
    main()
