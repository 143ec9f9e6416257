"""Files that are out to harm their reader, sent through the one door: kept or refused, and told."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from daydrop.errors import Code, Refused
from daydrop.filing.announcement import Announcement
from daydrop.library import Library
from daydrop.readers.workers import Workers
from daydrop.receipts.receipts import Outcome
from daydrop.words import Language
from tests import hostile
from tests import media as make

LONGEST = 10.0
ENDING = {"png": "png", "jpeg": "jpg", "gif": "gif", "tiff": "tif", "mkv": "mkv", "avi": "avi"}


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    made = Workers(limit_seconds=LONGEST)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def library(settings, workers, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    monkeypatch.setattr(workers, "stop", lambda: None)  # shared: starting them takes a second
    opened = Library(settings, workers=workers)
    opened.start()
    yield opened
    opened.close()


def named(what: str) -> str:
    ending = next((e for word, e in ENDING.items() if word in what), "mp4")
    return f"{what.replace(' ', '-')}.{ending}"


@pytest.mark.parametrize("what", [*hostile.SMALL, *hostile.BOMBS])
def test_a_hostile_upload_is_answered_and_leaves_the_library_as_it_was(library, send, what):
    body = (hostile.SMALL | hostile.BOMBS)[what]()
    code = None
    try:
        receipt = send(named(what), body)
    except Refused as refused:
        code, receipt = refused.code, None
    kept = [library.store.tree.path(path).read_bytes() for path in library.store.tree.files()]
    if receipt is None:
        assert (code, kept) == (Code.UNSUPPORTED_TYPE, [])
    else:
        assert (receipt.outcome, kept) == (Outcome.FILED, [body])
    assert library.store.staging.names() == []
    assert send("good.jpg", make.photo()).place == "images/2024/05/17/good.jpg"


@pytest.mark.parametrize("ending", ["html", "svg", "pdf", "m4a"])
def test_what_is_no_medium_is_refused_whatever_its_name(library, send, ending):
    bodies = {
        "html": b"<!doctype html><script>alert(1)</script>",
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "pdf": b"%PDF-1.7 ...",
        "m4a": make.sound(),
    }
    for name in (f"a.{ending}", "a.jpg", "a.mp4"):
        with pytest.raises(Refused):
            send(name, bodies[ending])
    assert list(library.store.tree.files()) == []


@pytest.fixture
def hanging(settings, tmp_path: Path) -> Iterator[Library]:
    """A library whose readers hang on names with `spin`, as readers do on what nobody foresaw."""
    opened = Library(settings, workers=_Hanging(tmp_path / "pipe"))
    opened.start()
    yield opened
    opened.close()


class _Hanging(Workers):
    """Real workers; a file with `spin` in its name is a pipe to them, that nobody writes to."""

    def __init__(self, pipe: Path) -> None:
        super().__init__(limit_seconds=2)
        os.mkfifo(pipe)
        self._pipe = pipe

    def read(self, file, name, media):
        return super().read(self._pipe if "spin" in name else file, name, media)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("spin.jpg", "no_date/spin.jpg"),
        ("spin_20240517_101112.jpg", "images/2024/05/17/spin_20240517_101112.jpg"),
    ],
)
def test_a_file_whose_reader_was_killed_is_kept_and_its_receipt_says_so(
    hanging, origin, name, place
):
    receipt = put(hanging, origin, name, make.photo(seed=name))
    assert receipt.place == place
    assert "could not be read" in receipt.sentence()
    (line, *_) = hanging.receipts.reasons([receipt], Language.EN)[receipt.item_id]
    assert line == "Its metadata could not be read."
    with hanging.store.tree.open(Path(place)) as file:
        assert file.read() == make.photo(seed=name)


def test_uploads_beside_a_hanging_reader_do_not_wait_for_it(hanging, origin):
    with ThreadPoolExecutor(4) as pool:
        stuck = [
            pool.submit(put, hanging, origin, f"spin{n}.jpg", make.photo(seed=str(n)))
            for n in range(2)
        ]
        for number in range(10):
            put(hanging, origin, f"good{number}.jpg", make.photo(seed=f"good {number}"))
        assert not any(each.done() for each in stuck), "ten uploads before one reader was killed"
        assert all(each.result().place.startswith("no_date/") for each in stuck)


def put(library, origin, name, body):
    announcement = Announcement(name, origin, size=len(body), alias=name)
    with library.door.begin(announcement) as incoming:
        incoming.write(body)
        return incoming.commit()
