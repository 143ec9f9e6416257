"""Resumable uploads: what is promised holds over cuts, restarts and time."""

import hashlib
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import event

from daydrop.catalogue import upload_rows
from daydrop.errors import Code, Refused
from daydrop.intake.manifest import Announced
from daydrop.intake.resumable import CHECKPOINT, QUIET_SECONDS, Ended
from daydrop.library import Library
from daydrop.locks.between_processes import ProcessLocks
from daydrop.media.names import stem_key
from daydrop.origin import Origin, origin_of
from daydrop.records.upload import UploadState
from tests import media

MAY = datetime(2024, 5, 17, 12, 0)  # noqa: DTZ001
PHOTO = media.photo(MAY, size=100_000)


def announced(library: Library, origin: Origin, *bodies: bytes) -> list[str]:
    files = [Announced(str(n), f"{n}.jpg", f"{n}.jpg", len(body)) for n, body in enumerate(bodies)]
    return [upload.id for upload in library.manifests.announce(origin, files).uploads]


def send(library: Library, upload_id: str, offset: int, body: bytes) -> object:
    with library.uploads.receiving(upload_id, offset) as receiving:
        receiving.write(memoryview(body))
    return receiving.receipt


def test_what_arrived_before_an_error_is_kept_and_told(library: Library, origin: Origin) -> None:
    [upload_id] = announced(library, origin, PHOTO)

    def broken_off() -> None:
        with library.uploads.receiving(upload_id, 0) as receiving:
            receiving.write(memoryview(PHOTO[:777]))
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        broken_off()
    assert library.uploads.find(upload_id).received == 777
    assert send(library, upload_id, 777, PHOTO[777:]).place == "images/2024/05/17/0.jpg"


def test_bytes_that_were_not_noted_before_a_kill_are_cut_off_and_sent_again(
    library: Library, origin: Origin
) -> None:
    [upload_id] = announced(library, origin, PHOTO)
    send(library, upload_id, 0, PHOTO[:1000])
    staged = library.uploads.find(upload_id).staged
    with library.store.staging.path(staged).open("ab") as file:
        file.write(b"never flushed, never noted")
    assert send(library, upload_id, 1000, PHOTO[1000:]).sha256 is not None
    assert (library.store.root / "images/2024/05/17/0.jpg").read_bytes() == PHOTO


def test_an_upload_whose_staging_file_is_gone_begins_anew(library: Library, origin: Origin) -> None:
    [upload_id] = announced(library, origin, PHOTO)
    send(library, upload_id, 0, PHOTO[:1000])
    library.store.staging.discard(library.uploads.find(upload_id).staged)
    with pytest.raises(Refused) as refused:
        send(library, upload_id, 1000, PHOTO[1000:])
    assert refused.value.code is Code.OFFSET_MISMATCH
    assert refused.value.facts["offset"] == 0
    assert send(library, upload_id, 0, PHOTO) is not None


def test_a_large_file_is_noted_while_it_comes(library: Library, origin: Origin) -> None:
    body = media.photo(MAY, size=CHECKPOINT + 1000)
    [upload_id] = announced(library, origin, body)
    with library.uploads.receiving(upload_id, 0) as receiving:
        receiving.write(memoryview(body[: CHECKPOINT + 10]))
        assert library.uploads.find(upload_id).received == CHECKPOINT + 10


def test_a_batch_that_is_over_takes_no_more_and_leaves_nothing(
    library: Library, origin: Origin
) -> None:
    [first, second] = announced(library, origin, PHOTO, PHOTO + b"x")
    send(library, first, 0, PHOTO[:1000])
    library.batches.finish(library.uploads.find(first).batch_id)
    assert library.uploads.expire() == 2
    assert library.uploads.find(second).state is UploadState.EXPIRED
    assert library.store.staging.names() == []
    with pytest.raises(Refused) as refused:
        send(library, first, 1000, PHOTO[1000:])
    assert refused.value.code is Code.EXPIRED


def test_the_room_of_what_is_refused_at_the_end_is_given_back(
    library: Library, origin: Origin
) -> None:
    [upload_id] = announced(library, origin, b"no picture at all")
    with pytest.raises(Refused):
        send(library, upload_id, 0, b"no picture at all")
    upload = library.uploads.find(upload_id)
    assert (upload.state, upload.code) == (UploadState.REFUSED, "unsupported_type")
    assert library.batches.find(upload.batch_id).files == 0
    assert library.batches.find(upload.batch_id).bytes == 0


def test_the_sweep_at_the_start_spares_what_may_still_be_sent(
    library: Library, origin: Origin
) -> None:
    [upload_id] = announced(library, origin, PHOTO)
    send(library, upload_id, 0, PHOTO[:1000])
    library.recovery.run()
    assert send(library, upload_id, 1000, PHOTO[1000:]) is not None


def test_sixty_files_against_the_limit_of_fifty_let_exactly_fifty_in(
    library: Library, origin: Origin
) -> None:
    files = [Announced(str(n), f"{n}.jpg", f"{n}.jpg", 10) for n in range(60)]
    manifest = library.manifests.announce(origin, files)
    states = [upload.state for upload in manifest.uploads]
    assert states == [UploadState.ACCEPTED] * 50 + [UploadState.REFUSED] * 10
    assert library.batches.find(manifest.batch.id).files == 50


@contextmanager
def another_process(library: Library, *key: str, wait: float = 0.01) -> Iterator[None]:
    """Keeps a lock as another process would; `wait` is how long this one waits for it."""
    ours = library._processes
    before, library.foundation.locks._wait = library.foundation.locks._wait, wait
    theirs = ProcessLocks(ours._path)
    try:
        with theirs.holding(key):
            yield
    finally:
        theirs.close()
        library.foundation.locks._wait = before


def places(library: Library) -> tuple[int, int]:
    """Free places among the uploads that are received, and bytes promised to them."""
    return library.room._places._value, library.room._promised


def staging_files_open(library: Library) -> int:
    staging = str(library.store.root.resolve() / ".daydrop/staging")
    links = (os.path.realpath(file) for file in Path("/proc/self/fd").iterdir())
    return sum(link.startswith(staging) for link in links)


def test_an_upload_that_met_a_busy_server_at_its_last_byte_is_filed_by_the_next_try(
    library: Library, origin: Origin
) -> None:
    [upload_id] = announced(library, origin, PHOTO)
    send(library, upload_id, 0, PHOTO[:1000])
    before = places(library)
    with another_process(library, "pair", stem_key("0.jpg")), pytest.raises(Refused) as refused:
        send(library, upload_id, 1000, PHOTO[1000:])
    assert refused.value.code is Code.BUSY
    assert refused.value.retry_after is not None
    upload = library.uploads.find(upload_id)
    assert (upload.state, upload.received) == (UploadState.ACCEPTED, 1000)
    assert library.receipts.of_batch(upload.batch_id) == []
    assert (places(library), staging_files_open(library)) == (before, 0)
    assert library.batches.find(upload.batch_id).files == 1
    assert send(library, upload_id, 1000, PHOTO[1000:]).place == "images/2024/05/17/0.jpg"
    assert library.store.staging.names() == []


def test_a_companion_that_met_a_busy_server_is_kept_by_the_next_try(
    library: Library, origin: Origin
) -> None:
    files = [Announced("0", "IMG_1.aae", "IMG_1.aae", 8)]
    [upload] = library.manifests.announce(origin, files).uploads
    with another_process(library, "pair", stem_key("IMG_1.aae")), pytest.raises(Refused):
        send(library, upload.id, 0, b"<plist/>")
    assert library.uploads.find(upload.id).is_pending
    send(library, upload.id, 0, b"<plist/>")
    assert library.uploads.find(upload.id).state is UploadState.FILED


def test_a_fault_of_ours_at_the_last_byte_ends_no_upload(
    library: Library, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    [upload_id] = announced(library, origin, PHOTO)
    with monkeypatch.context() as patched:
        patched.delattr(library.filing, "_groups")
        with pytest.raises(Refused) as refused:
            send(library, upload_id, 0, PHOTO)
    assert refused.value.code is Code.INTERNAL
    assert library.uploads.find(upload_id).received == 0
    assert send(library, upload_id, 0, PHOTO).place == "images/2024/05/17/0.jpg"


def test_a_catalogue_that_is_full_when_progress_is_noted_keeps_neither_place_nor_room(
    library: Library, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = media.photo(MAY, size=CHECKPOINT + 2000)
    [upload_id] = announced(library, origin, body)
    send(library, upload_id, 0, body[:1000])
    before = places(library)

    def full(*_job: object, **_more: object) -> None:
        raise Refused(Code.NO_SPACE)

    with (
        pytest.raises(Refused) as refused,
        monkeypatch.context() as patched,
        library.uploads.receiving(upload_id, 1000) as receiving,
    ):
        patched.setattr(library.catalogue, "write", full)
        receiving.write(memoryview(body[1000 : CHECKPOINT + 1000]))
    assert refused.value.code is Code.NO_SPACE
    assert (places(library), staging_files_open(library)) == (before, 0)
    assert library.uploads.find(upload_id).received == 1000
    assert send(library, upload_id, 1000, body[1000:]) is not None


def test_what_is_being_filed_keeps_its_turn_and_holds_up_no_other_upload(
    library: Library, origin: Origin
) -> None:
    [slow, other] = announced(library, origin, PHOTO, PHOTO + b"x")
    now = [0.0]
    library.uploads._monotonic = lambda: now[0]
    with another_process(library, "pair", stem_key("0.jpg"), wait=5.0):
        filing = threading.Thread(target=send, args=(library, slow, 0, PHOTO))
        filing.start()
        while slow not in library.uploads._open or not library.uploads._open[slow]._lock.locked():
            time.sleep(0.01)
        now[0] += QUIET_SECONDS + 1
        with pytest.raises(Refused) as refused:
            send(library, slow, 0, PHOTO)
        assert refused.value.code is Code.LOCKED
        assert send(library, other, 0, PHOTO + b"x") is not None
    filing.join()
    assert library.uploads.find(slow).state is UploadState.FILED


def test_who_asks_for_an_upload_that_was_filed_meanwhile_is_told_what_became_of_it(
    library: Library, origin: Origin
) -> None:
    [upload_id] = announced(library, origin, PHOTO)
    receipt = send(library, upload_id, 0, PHOTO)
    with pytest.raises(Ended) as ended:
        send(library, upload_id, 0, PHOTO)
    assert ended.value.upload.receipt_id == receipt.id


def sent_by_the_page(library: Library, origin: Origin, **bodies: bytes) -> dict[str, UploadState]:
    """A batch of the page, which sends no bytes of what is known by its hash; states by name."""
    named = {name.replace("__", "."): body for name, body in bodies.items()}
    files = [Announced(name, name, name, len(body)) for name, body in named.items()]
    manifest = library.manifests.announce(origin, files)
    digests = {name: hashlib.sha256(body).hexdigest() for name, body in named.items()}
    to_check = [each.ref for each in manifest.uploads if each.state is UploadState.CHECK]
    library.manifests.check(manifest.batch.id, {ref: digests[ref] for ref in to_check})
    for upload in library.uploads.of_batch(manifest.batch.id):
        if upload.is_pending:
            send(library, upload.id, 0, named[upload.name])
    library.uploads.finish(manifest.batch.id)
    return {each.name: each.state for each in library.uploads.of_batch(manifest.batch.id)}


def files_of(library: Library) -> list[str]:
    return sorted(map(str, library.store.tree.files()))


def test_a_film_joins_the_still_that_its_batch_knew_by_its_hash(
    library: Library, origin: Origin
) -> None:
    sent_by_the_page(library, origin, IMG_1__jpg=PHOTO)
    film = media.film(None, fmt="mov")
    states = sent_by_the_page(library, origin, IMG_1__jpg=PHOTO, IMG_1__mov=film)
    assert states["IMG_1.jpg"] is UploadState.DUPLICATE
    assert files_of(library) == ["images/2024/05/17/IMG_1.jpg", "images/2024/05/17/IMG_1.mov"]


def test_who_waits_for_a_still_in_a_batch_that_knows_it_by_its_hash_gets_it(
    library: Library, origin: Origin
) -> None:
    sent_by_the_page(library, origin, IMG_1__jpg=PHOTO)
    film, edits = media.film(None, fmt="mov"), b"<plist/>"
    files = [
        Announced(name, name, name, len(body))
        for name, body in (("IMG_1.mov", film), ("IMG_1.aae", edits), ("IMG_1.jpg", PHOTO))
    ]
    moving, editing, still = library.manifests.announce(origin, files).uploads
    send(library, moving.id, 0, film)
    send(library, editing.id, 0, edits)
    assert "no_date/IMG_1.mov" in files_of(library)
    library.manifests.check(still.batch_id, {"IMG_1.jpg": hashlib.sha256(PHOTO).hexdigest()})
    assert files_of(library) == [
        f"images/2024/05/17/IMG_1.{ending}" for ending in ("aae", "jpg", "mov")
    ]


def test_what_was_only_found_in_the_tree_is_sent_and_has_a_sender_then(
    library: Library, origin: Origin
) -> None:
    place = library.store.root / "images/2024/05/17/IMG_1.jpg"
    place.parent.mkdir(parents=True)
    place.write_bytes(PHOTO)
    library.recovery.run()
    film = media.film(None, fmt="mov")
    states = sent_by_the_page(library, origin, IMG_1__jpg=PHOTO, IMG_1__mov=film)
    assert states["IMG_1.jpg"] is UploadState.DUPLICATE
    assert files_of(library) == ["images/2024/05/17/IMG_1.jpg", "images/2024/05/17/IMG_1.mov"]


def test_a_batch_that_was_undone_is_not_told_that_a_file_is_here(
    library: Library, origin: Origin
) -> None:
    sent_by_the_page(library, origin, IMG_1__jpg=PHOTO)
    [upload_id] = announced(library, origin, PHOTO)
    batch_id = library.uploads.find(upload_id).batch_id
    library.undo.run(batch_id, origin)
    with pytest.raises(Refused) as refused:
        library.manifests.check(batch_id, {"0": hashlib.sha256(PHOTO).hexdigest()})
    assert refused.value.code is Code.EXPIRED
    assert library.receipts.of_batch(batch_id) == []


@pytest.mark.parametrize("hashed", [PHOTO, b"other bytes"])
def test_an_upload_that_is_cancelled_while_its_hash_is_compared_stays_so(
    library: Library, origin: Origin, hashed: bytes
) -> None:
    sent_by_the_page(library, origin, IMG_1__jpg=PHOTO)
    [upload_id] = announced(library, origin, PHOTO)
    batch_id = library.uploads.find(upload_id).batch_id
    sha256 = hashlib.sha256(hashed).hexdigest()

    with another_process(library, "bytes", sha256, wait=5.0):
        comparing = threading.Thread(target=library.manifests.check, args=(batch_id, {"0": sha256}))
        comparing.start()
        while not library.foundation.locks._locks:
            time.sleep(0.01)
        library.uploads.cancel(upload_id)
    comparing.join()
    assert library.uploads.find(upload_id).state is UploadState.CANCELLED
    assert library.receipts.of_batch(batch_id) == []


FIFTY = [Announced(str(n), f"{n}.jpg", f"{n}.jpg", 10) for n in range(50)]


def test_one_list_that_is_sent_twice_at_once_is_announced_once(
    library: Library, origin: Origin
) -> None:
    with ThreadPoolExecutor(4) as senders:
        manifests = list(
            senders.map(lambda _: library.manifests.announce(origin, FIFTY, "one key"), range(4))
        )
    first = manifests[0]
    assert {manifest.batch.id for manifest in manifests} == {first.batch.id}
    ids = {upload.id for upload in first.uploads}
    assert all({upload.id for upload in each.uploads} == ids for each in manifests)
    assert {upload.state for upload in library.uploads.of_batch(first.batch.id)} == {
        UploadState.ACCEPTED
    }
    another = library.manifests.announce(origin_of("192.168.1.30"), FIFTY, "one key")
    assert another.batch.id != first.batch.id


def test_a_list_that_is_cut_off_while_it_is_written_down_leaves_nothing(
    library: Library, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(*_what: object) -> None:
        raise ConnectionResetError

    with monkeypatch.context() as patched, pytest.raises(ConnectionResetError):
        patched.setattr(upload_rows, "add", cut_off)
        library.manifests.announce(origin, FIFTY, "one key")
    assert library.batches.recent() == []
    assert len(library.manifests.announce(origin, FIFTY, "one key").uploads) == 50


def test_an_announcement_asks_no_more_where_others_have_many_uploads(
    library: Library, origin: Origin
) -> None:
    def asked() -> int:
        statements: list[str] = []

        def seen(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
            statements.append(statement)

        event.listen(library.catalogue.engine, "before_cursor_execute", seen)
        announced(library, origin, PHOTO)
        event.remove(library.catalogue.engine, "before_cursor_execute", seen)
        return len(statements)

    before = asked()
    library.manifests.announce(origin_of("192.168.1.30"), FIFTY)
    assert asked() == before


def left_and_coming(library: Library, origin: Origin, *names: str) -> tuple[list[str], list[str]]:
    """The names that are left for the next batch, and those of which bytes may come."""
    files = [Announced(str(n), name, name, 10) for n, name in enumerate(names)]
    manifest = library.manifests.announce(origin, files)
    coming = [upload for upload in manifest.uploads if upload.is_pending]
    counted = [upload for upload in coming if not upload.name.endswith(".xmp")]
    assert library.batches.find(manifest.batch.id).files == len(counted)
    left = library.manifests.left_over(manifest.batch.id)
    return [upload.name for upload in left], [upload.name for upload in coming]


def test_a_list_sorted_by_kind_fills_a_batch_with_whole_shots(
    library: Library, origin: Origin
) -> None:
    names = [f"IMG_{n}{kind}" for kind in (".HEIC", ".MOV") for n in range(50)]
    manifest = library.manifests.announce(origin, [Announced(n, n, n, 10) for n in names])
    accepted = [each.name for each in manifest.uploads if each.state is UploadState.ACCEPTED]
    assert accepted == [f"IMG_{n}{kind}" for kind in (".HEIC", ".MOV") for n in range(25)]
    assert library.batches.find(manifest.batch.id).files == 50


def test_the_files_of_one_shot_are_left_for_the_next_batch_together(
    library: Library, origin: Origin
) -> None:
    singles = [f"{n}.jpg" for n in range(49)]
    shot = ["IMG_1.HEIC", "IMG_1.MOV", "IMG_1.HEIC.xmp"]
    left, coming = left_and_coming(library, origin, *singles, *shot)
    assert (left, coming) == (shot, singles)
    assert left_and_coming(library, origin, *left) == ([], shot)


def test_one_name_in_two_folders_is_two_shots(library: Library, origin: Origin) -> None:
    singles = [f"{n}.jpg" for n in range(49)]
    left, coming = left_and_coming(library, origin, *singles, "a/IMG_1.jpg", "b/IMG_1.mov")
    assert (left, coming) == (["b/IMG_1.mov"], [*singles, "a/IMG_1.jpg"])


def test_what_shares_a_name_and_has_room_in_no_batch_comes_in_parts(
    library: Library, origin: Origin
) -> None:
    left, coming = left_and_coming(library, origin, *["image.jpg"] * 60)
    assert (len(left), len(coming)) == (10, 50)


@pytest.mark.parametrize(
    ("name", "body"),
    [("IMG_1.jpg", PHOTO), ("IMG_1.xmp", b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")],
)
def test_the_last_byte_ends_an_upload_in_the_transaction_that_acknowledges_it(
    library: Library, origin: Origin, name: str, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    [upload] = library.manifests.announce(origin, [Announced("1", name, name, len(body))]).uploads
    seen: list[UploadState] = []
    write = library.catalogue.write

    def watched(work: object, *, durable: bool = False) -> object:
        done = write(work, durable=durable)  # type: ignore[arg-type]  # passed on
        if durable:
            seen.append(library.uploads.find(upload.id).state)
        return done

    monkeypatch.setattr(library.catalogue, "write", watched)
    send(library, upload.id, 0, body)
    assert seen == [UploadState.FILED]
    assert library.uploads.find(upload.id).receipt_id is not None
