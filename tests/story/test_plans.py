"""What is asked often is answered by an index: a library of any size is as quick as a new one."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event
from werkzeug.test import Client

from davserver.dav.app import create_app as create_dav
from davserver.gate import Gate
from daydrop.library import Library
from tests import media
from tests.clock import taken
from tests.drive import Drive
from tests.sites import make_library
from webui.app import create_app as create_web

GROWING = "aliases|appearances|batches|items|locks|properties|receipts|sidecars|uploads"
# an index by the state alone finds nearly every row
WHOLE = re.compile(rf"SCAN ({GROWING})\b|SEARCH ({GROWING}) USING .*INDEX \w+ \(state=\?\)$")
AS_BROWSER = {"Accept": "text/html"}
HERE = {"REMOTE_ADDR": "127.0.0.1"}
DAY = taken(2024, 5, 17)


class Plans:
    """How SQLite answers each statement that a library executes while it is watched."""

    def __init__(self, library: Library) -> None:
        self._engine, self._seen = library.catalogue.engine, dict[str, list[str]]()
        event.listen(self._engine, "before_cursor_execute", self._explain)

    def _explain(self, _connection, cursor, statement, parameters, _context, is_many) -> None:
        if statement in self._seen or not re.match("SELECT|INSERT|UPDATE|DELETE", statement):
            return
        values = parameters[0] if is_many else parameters
        asked = cursor.connection.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", values)
        self._seen[statement] = [step for *_, step in asked]

    def reading_whole_tables(self) -> list[str]:
        """The statements that read a whole table; those that stop at a LIMIT are none."""
        return [
            f"{statement}: {steps}"
            for statement, steps in self._seen.items()
            if any(WHOLE.match(step) for step in steps)
            and not ("LIMIT" in statement and any("USING INDEX" in step for step in steps))
        ]


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    library = make_library(tmp_path / "store")
    library.start()
    library.companion_trash.expire(0)  # the sweeps read whole tables, once an hour
    yield library
    library.close()


@pytest.fixture
def drive(library: Library) -> Drive:
    return Drive(Gate(create_dav(library), create_web(library), library), "127.0.0.1")


def test_no_upload_reads_a_whole_table(library: Library, drive: Drive) -> None:
    plans = Plans(library)
    photo = media.photo(DAY)
    for name in ("a.jpg", "b.jpg"):  # new bytes, and known ones
        assert drive.put(f"/Upload/{name}", photo).status_code == 201
    assert drive.put("/Upload/a.jpg", media.photo(DAY, seed="other")).status_code == 204
    assert drive.put("/Upload/a.mov", media.film(DAY)).status_code == 201
    assert drive.put("/Upload/a.jpg.xmp", b"<x:xmpmeta/>").status_code == 201
    assert drive.put("/Upload/._a.jpg", b"litter").status_code == 201
    assert drive.put("/Upload/c.jpg.part", media.photo(DAY, seed="part")).status_code == 201
    assert drive.move("/Upload/c.jpg.part", "/Upload/c.jpg").status_code == 201
    assert drive.put("/Upload/notes.txt", b"text").status_code == 403
    form = {"f": (io.BytesIO(media.photo(DAY, seed="page")), "page.jpg")}
    page = Client(drive.app).post("/upload", data=form, environ_overrides=HERE)
    assert page.status_code == 303
    assert plans.reading_whole_tables() == []


def test_no_listing_and_no_page_reads_a_whole_table(library: Library, drive: Drive) -> None:
    drive.put("/Upload/a.jpg", media.photo(DAY))
    drive.put("/Upload/plain.jpg", media.photo(None))
    (item,) = library.receipts.recent(limit=1)
    plans = Plans(library)
    for path in ("/Upload/", "/images/", "/images/2024/05/17/", "/Receipts/"):
        assert drive.send("PROPFIND", path, Depth="1").status_code == 207
    pages = ("/", "/images/2024/05/17/", "/no_date/", "/timeline", "/Receipts/")
    for path in (*pages, "/timeline?part=2024-05", f"/i/{item.item_id}", f"/b/{item.batch_id}"):
        page = Client(drive.app).get(path, headers=AS_BROWSER, environ_overrides=HERE)
        assert page.status_code == 200
    assert plans.reading_whole_tables() == []
