"""After a crash, tree and catalogue are brought together and nothing acknowledged is lost."""

import contextlib
import hashlib
import os
import socket
from datetime import UTC, date, datetime
from pathlib import Path, PurePosixPath

import pytest

from daydrop.capturedate.candidate import FOLDER, OWNER
from daydrop.catalogue import companion_rows, item_rows
from daydrop.errors import Refused
from daydrop.filing.announcement import Announcement
from daydrop.library import Library
from daydrop.origin import origin_of
from daydrop.records.item import Item, ItemState
from daydrop.records.receipt import Outcome, Receipt
from tests.daydrop.filing.test_pairs import xmp
from tests.media import film, heic, photo

TAKEN = datetime(2024, 5, 17, 10, 11, 12)  # noqa: DTZ001  a wall clock
PLACE = "images/2024/05/17/IMG_1.jpg"


def reopened(library: Library) -> Library:
    library.close()
    again = Library(library.settings, workers=library.workers)
    again.start()
    return again


def paths(library: Library) -> list[str]:
    return sorted(str(path) for path in library.store.tree.files())


def stored(library: Library) -> list[str]:
    return [str(kept.path) for kept in library.verify.kept()]


def items(library: Library) -> list[Item]:
    return library.catalogue.items.all_in_state(ItemState.STORED)


def item_of(library: Library, receipt: Receipt) -> Item:
    found = library.catalogue.items.find(receipt.item_id)
    assert found is not None
    return found


def test_stale_staging_is_swept_at_the_start(library):
    staged = library.store.staging.create()
    staged.write(b"half a photo")
    staged.close()
    again = reopened(library)
    assert again.store.staging.names() == []
    again.close()


def test_what_a_kill_left_of_the_proof_of_a_store_is_swept(library):
    probe = library.store.root / "no_date" / ".daydrop-probe-killed"
    probe.write_bytes(b"")
    reopened(library).close()
    assert not probe.exists()


def test_a_file_in_the_tree_without_a_row_is_adopted_at_the_start(library):
    file = library.store.root / PLACE
    file.parent.mkdir(parents=True)
    file.write_bytes(photo(taken=TAKEN))
    again = reopened(library)
    assert stored(again) == [PLACE]
    again.close()


def test_a_lost_catalogue_is_made_again_from_tree_and_log(library, send):
    body = photo(taken=TAKEN)
    send("Ünïcode name.jpg", body)
    library.close()
    for file in library.store.state.glob("catalogue*"):
        file.unlink()
    again = Library(library.settings, workers=library.workers)
    again.start()
    (item,) = items(again)
    assert (item.name, item.origin) == ("Ünïcode name.jpg", "192.168.1.20")
    assert item.sha256 == hashlib.sha256(body).hexdigest()
    assert item.taken == "2024-05-17T10:11:12"
    again.close()


def without_catalogue(library: Library) -> Library:
    """The store as it starts after its catalogue was lost."""
    library.close()
    for file in library.store.state.glob("catalogue*"):
        file.unlink()
    again = Library(library.settings, workers=library.workers)
    again.start()
    return again


def would_move(library: Library) -> list[str]:
    work = library.refile
    return [f"{each.item.path} -> {each.folder}" for each in work.plan()]


def test_after_a_lost_catalogue_nothing_belongs_elsewhere_than_it_lies(library, send):
    send("corrected.jpg", photo(taken=TAKEN, seed="1"))
    send("corrected.jpg.xmp", xmp(datetime(2001, 2, 3, 4, 5, 6)))  # noqa: DTZ001  a wall clock
    scan = send("scan.jpg", photo(taken=None, seed="2"))
    library.refile.set_date(scan.item_id, date(1987, 6, 5))
    send("IMG_1.HEIC", heic(taken=TAKEN, identifier="A"))
    send("IMG_1.MOV", film(None, fmt="mov", identifier="A"))
    send("undated.jpg", photo(taken=None, seed="3"))
    before = paths(library)
    again = without_catalogue(library)
    assert paths(again) == before
    assert would_move(again) == []
    by_name = {item.name: item for item in items(again)}
    assert by_name["corrected.jpg"].source == "sidecar_original"
    assert (by_name["scan.jpg"].source, by_name["scan.jpg"].day) == (OWNER, date(1987, 6, 5))
    assert by_name["undated.jpg"].day is None
    again.close()


def undated_film_sent_without_its_time(library, send):
    send("IMG_1.jpg", photo(taken=TAKEN), modified=1_500_000_000.0)
    send("IMG_1.mov", film(None, fmt="mov"))


def stranger_of_the_stem_brought_into_the_day(library, send):
    send("p/IMG_1.jpg", photo(taken=TAKEN, seed="its film is beside it"))
    send("p/IMG_1.mov", film(None, fmt="mov"))
    stranger = send("q/IMG_1.jpg", photo(taken=datetime(2023, 1, 1)))  # noqa: DTZ001  a wall clock
    library.refile.set_date(stranger.item_id, TAKEN.date())


def film_of_utc_that_its_owner_dated_a_day_beside(library, send):
    receipt = send("clip.mp4", film(TAKEN.replace(tzinfo=UTC)))
    library.refile.set_date(receipt.item_id, date(2024, 5, 18))


def companion_sent_again_beside_a_picture_of_its_name(library, send):
    send("p/IMG_1.jpg", photo(taken=TAKEN, seed="p"))
    send("q/IMG_1.jpg", photo(taken=TAKEN, seed="q"))
    send("p/IMG_1.xmp", xmp(TAKEN, "first"))
    send("p/IMG_1.xmp", xmp(TAKEN, "second"))
    send("q/IMG_1.xmp", xmp(TAKEN, "of the other"))


def thumbnail_beside_its_film(library, send):
    send("MVI_1.MOV", film(TAKEN.replace(tzinfo=UTC), fmt="mov"))
    send("MVI_1.THM", photo(taken=TAKEN, seed="a thumbnail is a JPEG"))


def names_too_long_for_a_disk(library, send):
    send(f"{'a' * 300}.jpg", photo(taken=TAKEN))
    send(f"{'a' * 300}.jpg.xmp", xmp(datetime(2001, 2, 3, 4, 5, 6)))  # noqa: DTZ001  a wall clock


@pytest.mark.parametrize(
    "case",
    [
        undated_film_sent_without_its_time,
        stranger_of_the_stem_brought_into_the_day,
        film_of_utc_that_its_owner_dated_a_day_beside,
        companion_sent_again_beside_a_picture_of_its_name,
        thumbnail_beside_its_film,
        names_too_long_for_a_disk,
    ],
    ids=lambda case: case.__name__.replace("_", " "),
)
def test_after_a_lost_catalogue_everything_lies_where_it_belongs(library, send, case):
    case(library, send)
    before, companions = paths(library), companions_beside(library)
    again = without_catalogue(library)
    assert paths(again) == before
    assert companions_beside(again) == companions
    assert would_move(again) == []
    again.close()


def owners_day_of_a_pair(library, send):
    still = send("IMG_1.HEIC", heic(taken=TAKEN))
    send("IMG_1.MOV", film(TAKEN.replace(tzinfo=UTC), fmt="mov"))
    library.refile.set_date(still.item_id, date(2001, 2, 3))


def picture_dated_by_its_film(library, send):
    send("IMG_1.JPG", photo(taken=None))
    send("IMG_1.MOV", film(TAKEN.replace(tzinfo=UTC), fmt="mov"))


def film_dated_by_its_picture(library, send):
    send("IMG_1.JPG", photo(taken=TAKEN))
    send("IMG_1.MOV", film(None, fmt="mov"))


@pytest.mark.parametrize(
    ("case", "going"),
    [
        (owners_day_of_a_pair, ".HEIC"),
        (picture_dated_by_its_film, ".MOV"),
        (film_dated_by_its_picture, ".JPG"),
    ],
    ids=["owner's day", "picture dated by its film", "film dated by its picture"],
)
def test_after_a_lost_catalogue_who_is_left_of_a_pair_stays_where_it_lies(
    library, send, case, going
):
    case(library, send)
    again = without_catalogue(library)
    before = paths(again)
    days = {item.day for item in items(again)}
    assert len(days) == 1, "one pair, one day"
    for item in items(again):
        if item.path.suffix == going:
            again.trash.put(item)
    assert paths(again) == [path for path in before if not path.endswith(going)]
    assert would_move(again) == []
    again.close()


@pytest.mark.parametrize("name", ["IMG_1.jpg", "IMG_20010101_000000.jpg"])
@pytest.mark.parametrize("taken", [TAKEN, None], ids=["dated", "undated"])
def test_after_a_lost_catalogue_nobody_takes_over_what_the_log_says_another_has_sent(
    library, send, taken, name
):
    body, stranger = photo(taken=taken), origin_of("192.168.1.99")
    send("IMG_1.jpg", body)
    before = paths(library)
    again = without_catalogue(library)
    for path, sent in ((f"{name}.xmp", xmp(datetime(1999, 1, 1))), (name, body)):  # noqa: DTZ001  a wall clock
        announcement = Announcement(path, stranger, size=len(sent), alias=path)
        with again.door.begin(announcement) as incoming:
            incoming.write(sent)
            incoming.commit()
    assert [path for path in paths(again) if path.endswith(".jpg")] == before
    assert would_move(again) == []
    again.close()


def companions_beside(library: Library) -> dict[str, str]:
    """Where companions lie, and their pictures."""
    with library.catalogue.reading() as connection:
        return {
            str(each.path): str(item_rows.find(connection, each.item_id).path)
            for each in companion_rows.in_tree(connection)
        }


def test_a_file_that_was_moved_by_hand_belongs_where_it_was_put(library, send):
    send("IMG_1.jpg", photo(taken=TAKEN))
    library.close()
    moved = library.store.root / "images/2024/06/01/IMG_1.jpg"
    moved.parent.mkdir(parents=True)
    (library.store.root / PLACE).rename(moved)
    again = reopened(library)
    (item,) = items(again)
    assert (item.source, item.day) == (FOLDER, date(2024, 6, 1))
    assert would_move(again) == []
    again.close()


def test_what_was_found_under_an_owners_day_stays_there_when_it_is_sent_again(library, send):
    scan, shot = photo(taken=None, seed="scan"), photo(taken=TAKEN, seed="shot")
    receipt = send("scan.jpg", scan)
    library.refile.set_date(receipt.item_id, date(1987, 6, 5))
    send("IMG_1.jpg", shot)
    corrected = photo(taken=TAKEN, seed="corrected")
    send("corrected.jpg", corrected)
    send("corrected.xmp", xmp(datetime(2001, 2, 3, 4, 5, 6)))  # noqa: DTZ001  a wall clock
    before = paths(library)
    again = without_catalogue(library)
    for name, body in (("scan.jpg", scan), ("IMG_1.jpg", shot), ("corrected.jpg", corrected)):
        announcement = Announcement(name, origin_of("192.168.1.9"), size=len(body), alias=name)
        with again.door.begin(announcement) as incoming:
            incoming.write(body)
            assert incoming.commit().outcome is Outcome.DUPLICATE
    assert paths(again) == before
    assert would_move(again) == []
    again.close()


def test_after_a_lost_catalogue_the_trash_is_listed_and_can_be_emptied(library, send):
    kept = send("IMG_1.jpg", photo(taken=TAKEN, seed="kept"))
    thumbnail = send("MVI_1.MOV", film(TAKEN.replace(tzinfo=UTC), fmt="mov"))
    send("MVI_1.THM", photo(taken=TAKEN, seed="a thumbnail is a JPEG"))
    library.trash.put(item_of(library, kept))
    library.trash.put(item_of(library, thumbnail))
    again = without_catalogue(library)
    listed = {item.name: item for item in again.trash.newest(10)}
    assert {"IMG_1.jpg", "MVI_1.MOV"} <= set(listed)
    assert listed["IMG_1.jpg"].origin == "192.168.1.20"
    again.trash.restore(listed["IMG_1.jpg"])
    assert paths(again) == [PLACE]
    again = reopened(again)
    assert "MVI_1.MOV" in {item.name for item in again.trash.newest(10)}
    again.close()


def test_a_film_of_utc_found_a_day_beside_is_not_held_to_its_folder(library, send):
    send("clip.mp4", film(datetime(2024, 5, 17, 23, 0, tzinfo=UTC)))
    dates = library.settings.dates.model_copy(update={"media_timezone": "Pacific/Auckland"})
    library.settings = library.settings.model_copy(update={"dates": dates})
    again = without_catalogue(library)
    assert would_move(again) == ["videos/2024/05/17/clip.mp4 -> videos/2024/05/18"]
    again.close()


def pipe(folder: Path) -> None:
    os.mkfifo(folder / "pipe.jpg")
    os.mkfifo(folder / "pipe.xmp")


def socket_file(folder: Path) -> None:
    here = Path.cwd()
    os.chdir(folder)  # the address of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind("socket.jpg")
    finally:
        os.chdir(here)


def no_text(folder: Path) -> None:
    (folder / "in\udcff.jpg").write_bytes(photo(taken=TAKEN, seed="a"))
    (folder / "in\udcff.xmp").write_bytes(b"words")
    (folder / "in\udcff").mkdir()
    (folder / "in\udcff" / "IMG_9.jpg").write_bytes(photo(taken=TAKEN, seed="b"))


@pytest.mark.parametrize("odd", [pipe, socket_file, no_text])
def test_what_is_no_plain_file_of_a_readable_name_stops_nothing(library, send, odd):
    send("IMG_1.jpg", photo(taken=TAKEN))
    odd(library.store.root / "images/2024/05/17")
    again = reopened(library)
    assert stored(again) == [PLACE]
    listed = again.store.tree.listing(PurePosixPath("images/2024/05/17"))
    assert [entry.name for entry in listed] == ["IMG_1.jpg"]
    assert again.verify.check([]).strangers == ()
    again.close()


def test_what_another_program_wrote_into_the_log_does_not_stop_a_rescan(library, send):
    name = "line\u2028end.jpg"
    send(name, photo(taken=TAKEN))
    (log,) = (library.store.state / "log").glob("*.jsonl")
    with log.open("ab") as file:
        file.write(b'\xff\x00\n[1,2]\n"text"\nnull\n{"outcome": "fil')
    again = without_catalogue(library)
    assert [item.name for item in items(again)] == [name]
    again.close()


def test_text_that_lies_in_the_tree_is_not_adopted(library):
    (library.store.root / "no_date" / "notes.txt").write_text("words")
    again = reopened(library)
    assert stored(again) == []
    again.close()


def test_a_row_whose_file_was_taken_away_is_marked_and_found_again_when_it_is_back(library, send):
    send("IMG_1.jpg", photo(taken=TAKEN))
    file = library.store.root / PLACE
    away = library.store.root / "away"
    file.rename(away)
    library = reopened(library)
    assert stored(library) == []
    away.rename(file)
    library = reopened(library)
    assert stored(library) == [PLACE]
    library.close()


def test_a_second_process_on_the_same_store_sweeps_nothing(library, settings):
    staged = library.store.staging.create()
    second = Library(settings)
    second.start()
    assert not second.is_first
    assert library.store.staging.names() == [staged.name]
    second.close()
    staged.close()


def test_a_batch_that_is_taken_back_goes_to_the_trash(library, send, origin):
    receipt = send("IMG_1.jpg", photo(taken=TAKEN))
    assert library.undo.run(receipt.batch_id, origin) == 1
    assert paths(library) == []
    assert library.store.trash.names() == [receipt.item_id]
    assert library.receipts.of_batch(receipt.batch_id)[0].outcome is Outcome.FILED


def test_taking_back_a_batch_takes_nothing_from_one_that_was_told_already_here(library, send):
    body = photo(taken=TAKEN)
    mine, theirs = origin_of("192.168.1.20"), origin_of("192.168.1.21")
    first = send("IMG_1.jpg", body, origin=mine)
    second = send("IMG_1.jpg", body, origin=theirs)
    assert library.undo.run(first.batch_id, mine) == 0
    assert paths(library) == [PLACE]
    assert library.undo.run(second.batch_id, theirs) == 1
    assert paths(library) == []


def test_nobody_takes_back_the_batch_of_somebody_else(library, send):
    receipt = send("IMG_1.jpg", photo(taken=TAKEN), origin=origin_of("192.168.1.20"))
    with pytest.raises(Refused):
        library.undo.run(receipt.batch_id, origin_of("192.168.1.21"))
    assert paths(library) == [PLACE]


def test_what_lies_in_the_trash_comes_back_beside_what_has_its_name_now(library, send, origin):
    receipt = send("IMG_1.jpg", photo(taken=TAKEN, seed="one"))
    library.undo.run(receipt.batch_id, origin)
    send("IMG_1.jpg", photo(taken=TAKEN, seed="two"))
    item = library.catalogue.items.find(receipt.item_id)
    assert item.state is ItemState.TRASHED
    library.trash.restore(item)
    assert paths(library) == ["images/2024/05/17/IMG_1 (2).jpg", PLACE]


@pytest.mark.parametrize("last", range(6))
def test_a_kill_while_a_picture_comes_back_leaves_its_companion_nowhere_else(library, send, last):
    picture = send("IMG_1.jpg", photo(taken=TAKEN))
    send("IMG_1.jpg.xmp", xmp(datetime(2001, 2, 3, 4, 5, 6)))  # noqa: DTZ001  a wall clock
    library.trash.put(item_of(library, picture))
    left = iter(range(last))

    def until_killed(step):
        def killed(*arguments, **options):
            if next(left, None) is None:
                raise KeyboardInterrupt
            return step(*arguments, **options)

        return killed

    with pytest.MonkeyPatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
        patch.setattr(library.catalogue, "write", until_killed(library.catalogue.write))
        move = until_killed(library.store.move_from_trash)
        patch.setattr(library.store, "move_from_trash", move)
        library.trash.restore(library.trash.find(picture.item_id))
    again = reopened(library)
    if trashed := again.trash.find(picture.item_id):
        again.trash.restore(trashed)
    assert paths(again) == ["images/2001/02/03/IMG_1.jpg", "images/2001/02/03/IMG_1.jpg.xmp"]
    assert again.store.trash.names() == []
    again.close()


def test_what_comes_back_makes_way_for_a_name_that_differs_in_case_only(library, send):
    receipt = send("IMG_1.jpg", photo(taken=TAKEN, seed="one"))
    library.trash.put(item_of(library, receipt))
    send("img_1.JPG", photo(taken=TAKEN, seed="two"))
    back = library.trash.restore(item_of(library, receipt))
    assert str(back.path) == "images/2024/05/17/IMG_1 (2).jpg"
    assert paths(library) == [str(back.path), "images/2024/05/17/img_1.JPG"]


def test_what_comes_back_goes_to_its_partner_that_was_moved_meanwhile(library, send):
    still = send("IMG_1.HEIC", heic(taken=TAKEN, identifier="A"))
    film_sent = send("IMG_1.MOV", film(None, fmt="mov", identifier="A"))
    library.trash.put(item_of(library, film_sent))
    library.refile.set_date(still.item_id, date(1999, 12, 31))
    library.trash.restore(item_of(library, film_sent))
    assert paths(library) == ["images/1999/12/31/IMG_1.HEIC", "images/1999/12/31/IMG_1.MOV"]


def test_a_kill_between_the_move_to_the_trash_and_its_row_is_settled(library, send):
    receipt = send("IMG_1.jpg", photo(taken=TAKEN))
    (library.store.root / PLACE).rename(library.store.state / "trash" / receipt.item_id)
    again = reopened(library)
    assert again.catalogue.items.find(receipt.item_id).state is ItemState.TRASHED
    again.close()


def test_an_interrupted_upload_of_the_last_run_gives_its_room_back(library, origin):
    announcement = Announcement("IMG_1.jpg", origin, size=1000, alias="IMG_1.jpg")
    library.door.begin(announcement)  # and the process dies here
    again = reopened(library)
    assert again.batches.current(origin).files == 0
    again.close()


def test_a_copy_of_the_catalogue_is_kept_each_day(library, send):
    import sqlite3

    send("IMG_1.jpg", photo(taken=TAKEN))
    library.keeper.round()
    library.keeper.round()
    (copy,) = (library.store.state / "copies").iterdir()
    with sqlite3.connect(copy) as connection:
        assert connection.execute("SELECT path FROM items").fetchall() == [(PLACE,)]
