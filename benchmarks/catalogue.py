"""Measure what a large library costs: an upload, a listing and each page, beside a small one.

    python benchmarks/catalogue.py [--items 100000] [--uploads 100]

Two libraries in one process, one nearly empty and one with rows for so many items, receipts and
names; requests go to both in turns, without sockets. CPU time of the server's process counts (the
workers that read metadata are left out); the ratio is the figure, milliseconds are this machine's.
"""
# ruff: noqa: INP001, T201  a script by itself, which prints what it finds

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import structlog  # noqa: E402  after the path is set
from werkzeug.test import Client  # noqa: E402

from davserver.dav.app import create_app  # noqa: E402
from davserver.gate import Gate  # noqa: E402
from daydrop.catalogue import alias_rows, item_rows, receipt_rows  # noqa: E402
from daydrop.catalogue.database import Connection  # noqa: E402
from daydrop.library import Library  # noqa: E402
from daydrop.records.alias import Alias  # noqa: E402
from daydrop.records.item import Item  # noqa: E402
from tests import media  # noqa: E402
from tests.drive import Drive  # noqa: E402
from tests.sites import make_library  # noqa: E402
from webui.app import create_app as create_pages  # noqa: E402

OWNER = "127.0.0.1"
HERE = {"REMOTE_ADDR": OWNER}
AS_BROWSER = {"Accept": "text/html"}
FIRST_DAY = datetime(2006, 1, 1, 12, tzinfo=UTC)
DAYS = 20 * 365
NAMES = 20_000  # as many as one sender may have in Upload
OPENED = 20
STEP = 10_000
PAGES = (
    "/",
    "/images/",
    "/images/2016/",
    "/images/2016/05/17/",
    "/timeline",
    "/timeline?q=img_1",
    "/timeline?kind=video",
    "/admin",
    "/Receipts/",
)


def main() -> None:
    """Fill one library, then ask both the same things in turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--uploads", type=int, default=100)
    options = parser.parse_args()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with (
        tempfile.TemporaryDirectory(prefix="daydrop-bench-") as folder,
        opened(Path(folder, "small")) as small,
        opened(Path(folder, "large")) as large,
    ):
        drives = [Drive(face(library), address=OWNER) for library in (small, large)]
        for drive in drives:  # one item in each, as a pattern, and every cache warm
            put(drive, "first")
        grow(large, options.items)
        print(f"CPU ms with 1 item, with {options.items}, and their ratio (medians)")
        report("PUT of a photo", options.uploads, drives, put)
        report("PUT of known bytes", OPENED, drives, lambda drive, _: put(drive, "first"))
        report("HEAD of a name", OPENED, drives, lambda drive, _: ask(drive, "HEAD", "first.jpg"))
        for page in PAGES:
            report(
                f"GET {page}", OPENED, drives, lambda drive, _, page=page: open_page(drive, page)
            )


@contextmanager
def opened(root: Path) -> Iterator[Library]:
    """Run a library without limits that would end the measurement."""
    library = make_library(root, batch_files=1_000_000)
    library.start()
    try:
        yield library
    finally:
        library.close()


def face(library: Library) -> Gate:
    """Both faces, as they are served."""
    return Gate(create_app(library), create_pages(library), library)


def put(drive: Drive, seed: str) -> None:
    """Send one photo."""
    expect(drive.put(f"/Upload/{seed}.jpg", media.photo(seed=seed)).status_code, 201, 204)


def ask(drive: Drive, method: str, name: str) -> None:
    """Asks for a name in Upload."""
    expect(drive.send(method, f"/Upload/{name}").status_code, 200)


def open_page(drive: Drive, path: str) -> None:
    """Open a page, as a browser does."""
    client = Client(drive.app)
    expect(client.get(path, headers=AS_BROWSER, environ_overrides=HERE).status_code, 200, 404)


def expect(status: int, *good: int) -> None:
    """End the measurement when a request was not answered as it should be."""
    if status not in good:
        sys.exit(f"answered {status}")


def report(what: str, times: int, drives: list[Drive], step: Callable[[Drive, str], None]) -> None:
    """Do a step in both libraries in turns, and prints the line."""
    spent: list[list[float]] = [[], []]
    for number in range(times):
        for drive, seconds in zip(drives, spent, strict=True):
            began = time.process_time()
            step(drive, f"{what[:3]} {number}")
            seconds.append(time.process_time() - began)
    small, large = (1000 * statistics.median(seconds) for seconds in spent)
    print(f"{what:24} {small:8.2f} {large:8.2f}   {large / small:6.2f}")


def grow(library: Library, number: int) -> None:
    """Write rows as uploads of twenty years would have; there are no files behind them."""
    with library.catalogue.reading() as connection:
        [pattern] = item_rows.all_in_state(connection, item_rows.ItemState.STORED)
        [told] = receipt_rows.recent(connection, OWNER, 1)
    for first in range(0, number, STEP):
        last = min(first + STEP, number)

        def work(connection: Connection, first: int = first, last: int = last) -> None:
            for each in range(first, last):
                item = alike(pattern, each)
                item_rows.insert_item(connection, item)
                receipt_rows.write(connection, replace(told, item_id=item.id, name=item.name))
                if each < NAMES:
                    put_alias(connection, item)

        library.catalogue.write(work)


def alike(pattern: Item, number: int) -> Item:
    """Return another item of another day, as long as the pattern in every field."""
    day = FIRST_DAY + timedelta(days=number * 7 % DAYS)
    folder = pattern.path.parents[3] / day.strftime("%Y/%m/%d")
    return replace(
        pattern,
        id=f"{number:024x}",
        sha256=f"{number:064x}",
        size=pattern.size + number,
        path=folder / f"IMG_{number}.jpg",
        name=f"IMG_{number}.jpg",
        stem=f"img_{number}",
        taken=day.strftime("%Y-%m-%dT%H:%M:%S"),
    )


def put_alias(connection: Connection, item: Item) -> None:
    """Return the name in Upload that goes on answering for an item."""
    alias = Alias.filed(OWNER, item.name, item, item.filed, item.filed)
    alias_rows.put(connection, alias)


if __name__ == "__main__":
    main()
