"""What is asked of a library while it is being killed, cut off and filled up.

A scenario may be run again from its beginning at any time, as a client does that got no answer;
`Scenario.kept` is what the tree then holds, each content exactly once.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

from daydrop.capturedate.candidate import Candidate
from daydrop.capturedate.companion import candidates as companion_dates
from daydrop.capturedate.metadata import Metadata
from daydrop.catalogue import item_rows
from daydrop.errors import Code, Refused
from daydrop.filing.announcement import Announcement
from daydrop.intake.manifest import Announced
from daydrop.library import Library
from daydrop.media.kinds import MediaType
from daydrop.origin import Origin, origin_of
from daydrop.readers import reading as reader
from daydrop.readers.workers import Failure, Unreadable, Workers
from daydrop.receipts.receipts import Outcome
from daydrop.records.alias import Alias
from daydrop.records.item import Item
from daydrop.records.upload import Upload
from daydrop.settings import read_settings
from tests.faults.notes import Note, Notes
from tests.media import film, photo, raw

ANNA = origin_of("192.168.1.20", program="faults")
BEN = origin_of("192.168.1.21", program="faults")
CARL = origin_of("192.168.1.22", program="faults")  # takes his batch back
TAKEN = datetime(2024, 5, 17, 10, 11, 12)  # noqa: DTZ001  a wall clock
DAY = timedelta(days=1)
BLOCK = 65_536


class HereAndNow(Workers):
    """Reads metadata in this process: a fork of it for each crash could not afford its own."""

    def start(self) -> None:
        """Nothing is to be warmed up."""

    def stop(self) -> None:
        """Nothing runs."""

    def read(self, file: Path, name: str, media: MediaType) -> Metadata | Unreadable:
        """What the real reader reads."""
        with file.open("rb") as opened:
            size = file.stat().st_size
            return reader.read(opened, size, name, media, now=datetime.now(UTC), program=None)

    def read_companion(self, file: Path, name: str) -> tuple[Candidate, ...] | Unreadable:
        """What the real reader reads."""
        try:
            return companion_dates(name, file.read_bytes())
        except FileNotFoundError:
            return Unreadable(Failure.NOT_OPENED)

    def preview(
        self,
        file: Path,  # noqa: ARG002  as it is called
        media: MediaType,  # noqa: ARG002
        targets: tuple[tuple[int, Path], ...],  # noqa: ARG002
    ) -> Unreadable:
        """Previews play no part here."""
        return Unreadable(Failure.NOT_DRAWABLE)


def opened(store: Path) -> Library:
    """A library on this store, not yet started."""
    options = {"store": {"root": store}, "limits": {"keep_free": 0, "batch_files": 100_000}}
    return Library(read_settings(options, {}), workers=HereAndNow())


@contextmanager
def serving(store: Path) -> Iterator[Library]:
    """A library on this store that is started, and closed cleanly."""
    library = opened(store)
    try:
        library.start()
        yield library
    finally:
        library.close()


def digest(body: bytes) -> str:
    """The SHA-256 of some bytes."""
    return hashlib.sha256(body).hexdigest()


class Sender:
    """Asks a library for things as clients do, and notes what it is told."""

    def __init__(self, library: Library, notes: Notes) -> None:
        self.library = library
        self._notes = notes

    @contextmanager
    def _noting(self, note: Note) -> Iterator[Callable[[str], None]]:
        self._notes.begins(note)
        yield lambda outcome: self._notes.acknowledged(note, outcome)

    def put(self, path: str, body: bytes, origin: Origin = ANNA) -> Outcome:
        """Sends a file to a path in `Upload`."""
        announcement = Announcement(path.rpartition("/")[2], origin, size=len(body), alias=path)
        with (
            self._noting(Note("put", origin.key, path, digest(body))) as acknowledged,
            self.library.door.begin(announcement) as incoming,
        ):
            for at in range(0, len(body), BLOCK):
                incoming.write(body[at : at + BLOCK])
            outcome = incoming.commit().outcome
            acknowledged(outcome.value)
        return outcome

    def move(self, path: str, target: str, body: bytes, origin: Origin = ANNA) -> None:
        """Renames what was put at a path."""
        alias = self._alias(origin, path)
        note = Note("move", origin.key, path, digest(body), target)
        with self._noting(note) as acknowledged:
            self.library.aliases.moving.move(origin, alias, target)
            acknowledged("moved")

    def undo(self, path: str, body: bytes, origin: Origin = ANNA) -> None:
        """Takes the batch back that brought the file at a path."""
        receipts = [
            each
            for each in self.library.receipts.recent(origin.key)
            if each.upload_path == path and each.item_id
        ]
        with self._noting(Note("undo", origin.key, path, digest(body))) as acknowledged:
            batch = receipts[0].batch_id
            if batch and self.library.undo.is_possible(batch, origin):
                self.library.undo.run(batch, origin)
            acknowledged("undone")

    def trash(self, body: bytes, *companions: bytes) -> None:
        """Deletes an item, as its owner does; its companions go along."""
        with self._noting_all("trash", body, *companions):
            item = self._item(body)
            if item is not None:
                self.library.trash.put(item)

    def restore(self, body: bytes, *companions: bytes) -> None:
        """Brings an item back from the trash, and what went there with it."""
        with self._noting_all("restore", body, *companions):
            for item in self._trashed(body)[:1]:
                self.library.trash.restore(item)

    @contextmanager
    def _noting_all(self, step: str, *bodies: bytes) -> Iterator[None]:
        with ExitStack() as notes:
            each = [Note(step, "", "", digest(body)) for body in bodies]
            told = [notes.enter_context(self._noting(note)) for note in each]
            yield
            for acknowledged in told:
                acknowledged(step)

    def set_date(self, body: bytes, day: date) -> None:
        """Files an item under another day, as its owner does."""
        with self._noting(Note("date", "", "", digest(body))) as acknowledged:
            item = self._item(body)
            if item is not None:
                self.library.refile.set_date(item.id, day)
            acknowledged("dated")

    def take_away(self, body: bytes) -> None:
        """Removes a file of the tree by hand."""
        self._notes.begins(Note("taken", "", "", digest(body)))
        item = self._item(body)
        if item is not None:
            self.library.store.tree.path(item.path).unlink(missing_ok=True)

    def send_in_parts(self, name: str, body: bytes, parts: int, origin: Origin = ANNA) -> None:
        """Sends a file as the page does: announced, in parts, each from where the last ended."""
        with self._noting(Note("parts", origin.key, name, digest(body))) as acknowledged:
            manifest = self.library.manifests.announce(
                origin, [Announced("1", name, name, len(body))], f"key of {digest(body)}"
            )
            upload_id = manifest.uploads[0].id
            step = len(body) // parts + 1
            while (upload := self.library.uploads.find(upload_id)) and upload.is_pending:
                self._send_part(upload, memoryview(body)[upload.received :][:step])
            acknowledged("filed")

    def _send_part(self, upload: Upload, part: memoryview) -> None:
        try:
            with self.library.uploads.receiving(upload.id, upload.received) as receiving:
                receiving.write(part)
        except Refused as refused:
            if refused.code is not Code.OFFSET_MISMATCH:  # then it is asked for anew
                raise

    def _alias(self, origin: Origin, path: str) -> Alias:
        found = self.library.aliases.paths.find_exact(origin, path)
        if found is None:
            raise LookupError(path)
        return found

    def _item(self, body: bytes) -> Item | None:
        return self.library.catalogue.items.by_sha256(digest(body))

    def _trashed(self, body: bytes) -> list[Item]:
        found = self.library.catalogue.items.all_in_state(item_rows.ItemState.TRASHED)
        return [item for item in found if item.sha256 == digest(body)]


@dataclass(frozen=True)
class Scenario:
    """Steps, and what the tree holds once all of them are acknowledged."""

    name: str
    steps: Callable[[Sender], None]
    bodies: tuple[bytes, ...]  # all that is ever sent
    kept: tuple[bytes, ...]
    is_one_shot: bool = False  # what is kept lies in one folder under one stem

    @property
    def known(self) -> set[str]:
        """The hashes of all that may be seen."""
        return {digest(body) for body in self.bodies}


@cache
def picture(seed: str, size: int = 90_000, identifier: str | None = None) -> bytes:
    """A photo of the seventeenth of May."""
    return photo(taken=TAKEN, seed=seed, size=size, identifier=identifier)


@cache
def clip(seed: str, identifier: str | None = None) -> bytes:
    """A QuickTime film whose clock says the day before."""
    return film((TAKEN - DAY).replace(tzinfo=UTC), seed, fmt="mov", identifier=identifier)


@cache
def companion(seed: str, taken: datetime | None = None) -> bytes:
    """An XMP companion, which may say another day than its picture."""
    says = f"exif:DateTimeOriginal='{taken:%Y-%m-%dT%H:%M:%S}'" if taken else ""
    return (
        f"<x:xmpmeta xmlns:x='adobe:ns:meta/' x:xmptk='{seed}'><rdf:RDF xmlns:rdf="
        "'http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description "
        f"xmlns:exif='http://ns.adobe.com/exif/1.0/' {says}/></rdf:RDF></x:xmpmeta>"
    ).encode()


@cache
def raw_picture(taken: datetime) -> bytes:
    """A RAW file."""
    return raw(taken)


@cache
def undated(seed: str) -> bytes:
    """A photo that knows no day."""
    return photo(None, seed=seed)


def _upload(sender: Sender) -> None:
    sender.put("IMG_1.jpg", picture("one"))
    sender.put("Trip/IMG_1.jpg", picture("two"))


def _overwrite(sender: Sender) -> None:
    sender.put("IMG_2.jpg", picture("first"))
    sender.put("IMG_2.jpg", picture("second"))
    sender.put("IMG_2.jpg", picture("first"), BEN)


def _temporary(sender: Sender) -> None:
    sender.put("IMG_3.jpg.part", picture("slow"))
    sender.move("IMG_3.jpg.part", "IMG_3.jpg", picture("slow"))


def _pair(sender: Sender) -> None:
    sender.put("IMG_4.MOV", clip("live", "L1"))
    sender.put("IMG_4.MOV.xmp", companion("of the film"))
    sender.put("IMG_4.JPG", picture("live", identifier="L1"))


def _companions(sender: Sender) -> None:
    sender.put("IMG_5.xmp", companion("before"))
    sender.put("IMG_5.jpg", picture("with companions"))
    sender.put("IMG_5.aae", companion("after"))
    sender.put("b/IMG_5.xmp", companion("before"))  # the same from another folder
    sender.put("b/IMG_5.jpg", picture("with companions"))
    sender.put("b/IMG_5.aae", companion("after"))


def _undo(sender: Sender) -> None:
    sender.put("IMG_6.jpg", picture("mine alone"), CARL)
    sender.put("IMG_7.jpg", picture("ours"), CARL)
    sender.put("IMG_7.jpg", picture("ours"), BEN)
    sender.undo("IMG_6.jpg", picture("mine alone"), CARL)


def _trash(sender: Sender) -> None:
    sender.put("IMG_8.jpg", picture("thrown away"))
    sender.put("IMG_8.jpg.xmp", companion("thrown away too", TAKEN + 40 * DAY))
    both = (picture("thrown away"), companion("thrown away too", TAKEN + 40 * DAY))
    sender.trash(*both)
    sender.restore(*both)


def _corrected(sender: Sender) -> None:
    sender.put("IMG_12.jpg", picture("corrected"))
    sender.put("IMG_12.jpg.xmp", companion("correction", TAKEN + 40 * DAY))


def _rehomed(sender: Sender) -> None:
    sender.put("IMG_13.jpg", picture("first of its stem"))
    sender.put("IMG_13.xmp", companion("of the RAW", TAKEN - 900 * DAY))
    sender.put("IMG_13.dng", raw_picture(TAKEN - 900 * DAY))


def _left(sender: Sender) -> None:
    sender.put("IMG_14.jpg", undated("a stranger"))
    sender.put("IMG_14.dng", raw_picture(TAKEN))
    sender.put("IMG_14.jpg", picture("the true half"))


def _reunited(sender: Sender) -> None:
    sender.put("IMG_15.JPG", picture("reunited", identifier="L3"))
    sender.put("IMG_15.MOV", clip("reunited", "L3"))
    sender.put("IMG_15.xmp", companion("reunited"))
    sender.trash(picture("reunited", identifier="L3"))
    sender.set_date(clip("reunited", "L3"), date(2020, 2, 29))
    sender.restore(picture("reunited", identifier="L3"))


def _dated(sender: Sender) -> None:
    sender.put("IMG_9.MOV", clip("dated", "L2"))
    sender.put("IMG_9.JPG", picture("dated", identifier="L2"))
    sender.set_date(picture("dated", identifier="L2"), date(2020, 2, 29))


def _by_hand(sender: Sender) -> None:
    sender.put("IMG_10.jpg", picture("by hand"))
    sender.take_away(picture("by hand"))
    sender.put("IMG_10.jpg", picture("by hand"))


def _parts(sender: Sender) -> None:
    sender.send_in_parts("IMG_11.jpg", picture("in parts", 300_000), 3)
    sender.put("IMG_11.jpg", picture("in parts", 300_000), BEN)


def _scenario(
    name: str,
    steps: Callable[[Sender], None],
    *kept: bytes,
    thrown: Iterable[bytes] = (),
    is_one_shot: bool = False,
) -> Scenario:
    return Scenario(name, steps, (*kept, *thrown), kept, is_one_shot)


@cache
def all_scenarios() -> dict[str, Scenario]:
    """Every scenario by its name."""
    pair = (clip("live", "L1"), companion("of the film"), picture("live", identifier="L1"))
    listed = (
        _scenario("upload", _upload, picture("one"), picture("two")),
        _scenario("overwrite", _overwrite, picture("first"), picture("second")),
        _scenario("temporary", _temporary, picture("slow")),
        _scenario("pair", _pair, *pair, is_one_shot=True),
        _scenario(
            "companions",
            _companions,
            picture("with companions"),
            companion("before"),
            companion("after"),
            is_one_shot=True,
        ),
        _scenario(
            "corrected",
            _corrected,
            picture("corrected"),
            companion("correction", TAKEN + 40 * DAY),
            is_one_shot=True,
        ),
        _scenario(
            "rehomed",
            _rehomed,
            picture("first of its stem"),
            companion("of the RAW", TAKEN - 900 * DAY),
            raw_picture(TAKEN - 900 * DAY),
        ),
        _scenario(
            "left", _left, undated("a stranger"), raw_picture(TAKEN), picture("the true half")
        ),
        _scenario(
            "reunited",
            _reunited,
            picture("reunited", identifier="L3"),
            clip("reunited", "L3"),
            companion("reunited"),
            is_one_shot=True,
        ),
        _scenario("undo", _undo, picture("ours"), thrown=[picture("mine alone")]),
        _scenario(
            "trash",
            _trash,
            picture("thrown away"),
            companion("thrown away too", TAKEN + 40 * DAY),
            is_one_shot=True,
        ),
        _scenario("dated", _dated, clip("dated", "L2"), picture("dated", identifier="L2")),
        _scenario("by-hand", _by_hand, picture("by hand")),
        _scenario("parts", _parts, picture("in parts", 300_000)),
    )
    return {scenario.name: scenario for scenario in listed}
