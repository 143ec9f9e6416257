"""Under another setting files move, each to one place, with their partners."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from daydrop.care.refile import Refile
from daydrop.library import Library
from daydrop.origin import Origin
from daydrop.records.item import ItemState
from tests.media import film, photo, raw

TAKEN = datetime(2024, 5, 17, 23, 11, 12)  # noqa: DTZ001  a wall clock


def paths(library: Library) -> list[str]:
    return sorted(str(path) for path in library.store.tree.files())


def with_zone(library: Library, zone: str | None) -> Library:
    library.close()
    dates = library.settings.dates.model_copy(update={"media_timezone": zone})
    again = Library(library.settings.model_copy(update={"dates": dates}), workers=library.workers)
    again.start()
    return again


def refile(library: Library) -> Refile:
    return library.refile


def test_a_film_of_utc_moves_to_the_day_of_the_zone_that_was_set_later(library, send):
    send("clip.mp4", film(TAKEN.replace(tzinfo=UTC)))
    assert paths(library) == ["videos/2024/05/17/clip.mp4"]
    library = with_zone(library, "Pacific/Auckland")
    plan = refile(library).plan()
    assert [str(each.folder) for each in plan] == ["videos/2024/05/18"]
    assert paths(library) == ["videos/2024/05/17/clip.mp4"], "a plan changes nothing"
    assert refile(library).run(plan, lambda _: None) == 1
    assert paths(library) == ["videos/2024/05/18/clip.mp4"]
    assert not (library.store.root / "videos/2024/05/17").exists()
    assert refile(library).plan() == []
    library.close()


def test_a_setting_of_the_zone_parts_no_pair_whose_picture_knows_none(library, send):
    send("IMG_1.JPG", photo(taken=TAKEN))
    send("IMG_1.MOV", film((TAKEN + timedelta(hours=7)).replace(tzinfo=UTC), fmt="mov"))
    assert paths(library) == ["images/2024/05/17/IMG_1.JPG", "images/2024/05/17/IMG_1.MOV"]
    library = with_zone(library, "Pacific/Auckland")
    assert refile(library).plan() == []
    library.close()


def test_nothing_moves_under_the_same_rule(library, send):
    send("a/IMG_1.JPG", photo(taken=TAKEN))
    send("a/IMG_1.DNG", raw(taken=TAKEN))
    send("b.png.jpg", photo(taken=None))
    assert refile(library).plan() == []


def test_a_date_that_the_owner_set_is_not_judged_again(library, send):
    receipt = send("scan.jpg", photo(taken=None))
    library.refile.set_date(receipt.item_id, date(1987, 6, 5))
    assert paths(library) == ["images/1987/06/05/scan.jpg"]
    assert refile(library).plan() == []


def test_the_owners_date_moves_the_partners_and_companions_too(library, send):
    receipt = send("IMG_1.JPG", photo(taken=None))
    send("IMG_1.DNG", raw(taken=None))
    send("IMG_1.xmp", b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
    library.refile.set_date(receipt.item_id, date(1987, 6, 5))
    assert paths(library) == [
        "images/1987/06/05/IMG_1.DNG",
        "images/1987/06/05/IMG_1.JPG",
        "images/1987/06/05/IMG_1.xmp",
    ]


def test_a_move_that_was_killed_between_its_rename_and_its_row_is_finished_at_the_start(
    library: Library, send, origin: Origin
):
    receipt = send("IMG_1.jpg", photo(taken=TAKEN))
    item = library.catalogue.items.find(receipt.item_id)
    moved = replace(item, path=item.path.parent.parent / "18" / item.path.name)

    class Killed(BaseException):
        pass

    def killed(*_):
        raise Killed

    move = library.catalogue.write(lambda c: library.moves.plan(c, item, moved), durable=True)
    library.moves._settle = killed
    with pytest.raises(Killed):
        library.moves.carry_out(move)
    assert paths(library) == ["images/2024/05/18/IMG_1.jpg"]
    library.close()
    again = Library(library.settings, workers=library.workers)
    again.start()
    verify = again.verify
    found = again.browse.item(item.id).item
    assert (found.id, found.path) == (item.id, moved.path)
    assert verify.check(verify.kept()).is_clean
    again.close()


def test_a_companion_that_comes_later_may_bring_the_better_date(library, send):
    send("IMG_1.jpg", photo(taken=None))
    send(
        "IMG_1.xmp",
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf='
        b'"http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        b'xmlns:exif="http://ns.adobe.com/exif/1.0/" '
        b'exif:DateTimeOriginal="2001-02-03T04:05:06"/></rdf:RDF></x:xmpmeta>',
    )
    assert paths(library) == ["images/2001/02/03/IMG_1.jpg", "images/2001/02/03/IMG_1.xmp"]


def test_a_companion_that_came_before_may_bring_the_better_date(library, send):
    send("IMG_1.jpg.json", b'{"photoTakenTime": {"timestamp": "981173106"}}')
    receipt = send("IMG_1.jpg", photo(taken=None))
    assert receipt.place == "images/2001/02/03/IMG_1.jpg"
    assert paths(library) == ["images/2001/02/03/IMG_1.jpg", "images/2001/02/03/IMG_1.jpg.json"]
    item = library.catalogue.items.find(receipt.item_id)
    assert (item.state, item.source) == (ItemState.STORED, "takeout")
