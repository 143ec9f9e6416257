"""Aliases: one state machine for what a path in Upload is, and how long it lives."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath

import pytest

from daydrop.aliases.aliases import Aliases
from daydrop.aliases.changes import Exists, still
from daydrop.aliases.life import AliasLife
from daydrop.aliases.moving import Entangled, _Way, _way
from daydrop.aliases.notes import TooMuchNoted
from daydrop.aliases.paths import Gone, NoParent
from daydrop.catalogue import alias_rows as rows
from daydrop.catalogue import lock_rows
from daydrop.catalogue.alias_rows import DAY
from daydrop.errors import Code, Forbidden, Missing, Refused
from daydrop.filing.announcement import Announcement
from daydrop.library import Library
from daydrop.origin import Origin, origin_of
from daydrop.records.alias import Alias, State
from daydrop.records.lock import Lock
from daydrop.records.property import Property
from tests.clock import Hand
from tests.media import photo


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def library(settings, hand, workers) -> Iterator[Library]:
    opened = Library(settings, clock=hand.clock, workers=workers)
    yield opened
    opened.close()


@pytest.fixture
def aliases(library) -> Aliases:
    return library.aliases


@pytest.fixture
def put(library, origin):
    """Sends a file as the drive does; returns its alias."""

    def send(path: str, body: bytes, by: Origin = origin) -> Alias:
        announced = Announcement(path.rpartition("/")[2], by, size=len(body), alias=path)
        with library.door.begin(announced) as incoming:
            incoming.write(body)
            incoming.commit()
        found = library.aliases.paths.find_exact(by, path)
        assert found is not None
        return found

    return send


def names(aliases: Aliases, origin: Origin, folder: str = "") -> list[str]:
    return [member.alias.path for member in aliases.paths.members(origin, folder)]


# ---- what a path is -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body", "state"),
    [
        ("IMG_1.jpg", photo(seed="state"), State.FILED),
        ("IMG_1.jpg.part", b"anything", State.STAGED),
        ("._IMG_1.jpg", b"double", State.LITTER),
        ("IMG_1.xmp", b"companion", State.COMPANION),
    ],
)
def test_a_name_decides_what_an_upload_becomes(put, path, body, state):
    assert put(path, body).state is state


def test_a_name_before_its_bytes_is_a_placeholder_or_litter(aliases, origin):
    assert aliases.changes.announce(origin, "a.jpg").state is State.PLACEHOLDER
    assert aliases.changes.announce(origin, "._a.jpg").state is State.LITTER
    assert names(aliases, origin) == ["a.jpg"]


def test_an_announced_name_forgets_its_staged_bytes(library, aliases, origin, put):
    put("a.part", b"bytes")
    aliases.changes.announce(origin, "a.part")
    assert library.store.staging.names() == []


def test_a_refused_name_is_not_announced_and_the_refusal_is_told(library, aliases, origin):
    with pytest.raises(Refused) as refused:
        aliases.changes.announce(origin, "notes.txt")
    assert refused.value.code is Code.UNSUPPORTED_TYPE
    assert library.receipts.recent(origin.key)[0].code == "unsupported_type"
    assert names(aliases, origin) == []


def test_a_look_finds_the_exact_name_then_the_only_one_that_differs_in_case(aliases, origin):
    aliases.changes.announce(origin, "A.jpg")
    assert aliases.paths.find(origin, "a.jpg").path == "A.jpg"
    assert aliases.paths.find_exact(origin, "a.jpg") is None
    aliases.changes.announce(origin, "a.jpg")
    assert aliases.paths.find(origin, "a.jpg").path == "a.jpg"
    assert aliases.paths.find(origin, "a.JPG") is None


def test_case_is_folded_as_unicode_folds_it(aliases, origin):
    aliases.changes.announce(origin, "STRASSE.jpg")
    assert aliases.paths.find(origin, "straße.jpg").path == "STRASSE.jpg"


def test_something_new_is_spelled_as_its_folder_was_made(aliases, origin):
    aliases.changes.make_folder(origin, "Trip")
    assert aliases.paths.target(origin, "trip/a.jpg") == "Trip/a.jpg"
    assert aliases.paths.target(origin, "/u\u0308.jpg/") == "ü.jpg"


@pytest.mark.parametrize("path", ["a/../b.jpg", "a\\b.jpg", "a\x00b.jpg", "x" * 1100])
def test_what_is_no_path_is_refused(aliases, origin, path):
    with pytest.raises(Refused) as refused:
        aliases.paths.target(origin, path)
    assert refused.value.code is Code.BAD_NAME


def test_each_origin_has_its_own(aliases, origin, put):
    other = origin_of("192.168.1.21")
    put("IMG_1.jpg", photo(seed="mine"))
    assert aliases.paths.find(other, "IMG_1.jpg") is None
    assert names(aliases, other) == []


# ---- folders --------------------------------------------------------------------------------


def test_a_folder_is_made_once_and_below_a_folder(aliases, origin):
    aliases.changes.make_folder(origin, "A")
    with pytest.raises(Exists):
        aliases.changes.make_folder(origin, "A")
    with pytest.raises(NoParent):
        aliases.changes.make_folder(origin, "B/C")
    aliases.changes.announce(origin, "file.jpg")
    with pytest.raises(NoParent):
        aliases.changes.make_folder(origin, "file.jpg/C")


def test_what_lies_below_is_counted_without_litter_and_without_neighbours(aliases, origin):
    for folder in ("A", "A/B", "AB"):
        aliases.changes.make_folder(origin, folder)
    for path in ("A/1.jpg", "A/B/2.jpg", "AB/3.jpg", "A/._1.jpg", "a.jpg"):
        aliases.changes.announce(origin, path)
    assert aliases.paths.count_below(origin, "A") == 3
    assert aliases.paths.count_below(origin, "") == 7


def test_wildcards_of_sql_in_a_name_are_letters(aliases, origin):
    for folder in ("%", "_", "x"):
        aliases.changes.make_folder(origin, folder)
        aliases.changes.announce(origin, f"{folder}/1.jpg")
    aliases.changes.remove(origin, "%")
    assert aliases.paths.count_below(origin, "_") == aliases.paths.count_below(origin, "x") == 1


# ---- how something gets another name --------------------------------------------------------


def alias(path: str, state: State, size: int = 1) -> Alias:
    return Alias(1, "o", path, state, size, 0, "", None, None, None, None, None, 0, 0)


@pytest.mark.parametrize(
    ("state", "source", "target", "way"),
    [
        (State.FILED, "a.jpg", "b.jpg", _Way.RENAME),
        (State.FILED, "a.jpg", "b.jpg.part", _Way.RENAME),
        (State.REMOVED, "a.jpg", "b.jpg", _Way.RENAME),
        (State.PLACEHOLDER, "a.jpg", "b.jpg", _Way.RENAME),
        (State.COLLECTION, "a", "b", _Way.RENAME),
        (State.STAGED, "a.part", "b.part", _Way.RENAME),
        (State.STAGED, "a.part", "a.jpg", _Way.FILE),
        (State.STAGED, "a.part", "a.xmp", _Way.FILE),
        (State.STAGED, "a.part", "a.txt", _Way.FILE),
        (State.STAGED, "a.part", "._a", _Way.CARRY),
        (State.LITTER, "._a", "._b", _Way.RENAME),
        (State.LITTER, "._a", "a.jpg", _Way.CARRY),
        (State.COMPANION, "a.xmp", "A.XMP", _Way.RENAME),
        (State.COMPANION, "a.xmp", "b.xmp", _Way.CARRY),
        (State.COMPANION, "a.xmp", "x/a.xmp", _Way.CARRY),
        (State.COMPANION, "a.xmp", "a.jpg", _Way.CARRY),
    ],
)
def test_state_and_new_name_decide_the_way(state, source, target, way):
    assert _way(alias(source, state), target) is way


def test_an_item_keeps_its_place_and_name_when_its_alias_moves(library, aliases, origin, put):
    before = put("a.jpg", photo(seed="moves"))
    aliases.moving.move(origin, before, "b.jpg")
    after = aliases.paths.find_exact(origin, "b.jpg")
    assert (after.item_id, after.etag, after.id) == (before.item_id, before.etag, before.id)
    assert [path.name for path in library.store.tree.files()] == ["a.jpg"]


def test_nothing_goes_to_itself_below_itself_or_over_what_holds_it(aliases, origin):
    folder = aliases.changes.make_folder(origin, "A")
    inner = aliases.changes.make_folder(origin, "A/B")
    for source, target in ((folder, "A"), (folder, "A/C"), (inner, "A")):
        with pytest.raises(Entangled):
            aliases.moving.move(origin, source, target)
        with pytest.raises(Entangled):
            aliases.copying.copy(origin, source, target)
    assert aliases.paths.count_below(origin, "") == 2


def test_a_guard_that_forbids_leaves_all_as_it_was(aliases, origin, put):
    def forbid(_connection: object) -> None:
        raise Forbidden

    kept = put("a.jpg", photo(seed="guarded"))
    staged = put("b.part", photo(seed="guarded part"))
    for step in (
        lambda: aliases.moving.move(origin, kept, "c.jpg", forbid),
        lambda: aliases.moving.move(origin, staged, "b.jpg", forbid),
        lambda: aliases.copying.copy(origin, kept, "c.jpg", forbid),
        lambda: aliases.changes.remove(origin, "a.jpg", forbid),
        lambda: aliases.changes.make_folder(origin, "F", forbid),
        lambda: aliases.changes.announce(origin, "a.jpg", forbid),
    ):
        with pytest.raises(Forbidden):
            step()
    assert names(aliases, origin) == ["a.jpg", "b.part"]
    assert aliases.paths.find_exact(origin, "a.jpg").state is State.FILED


@pytest.mark.parametrize("way", ["renamed", "removed"])
def test_a_folder_that_goes_while_its_file_arrives_is_there_again(library, aliases, origin, way):
    body = photo(seed=f"on its way {way}")
    aliases.changes.make_folder(origin, "E")
    sent = Announcement("x.jpg", origin, size=len(body), alias="E/x.jpg")
    with library.door.begin(sent) as incoming:
        incoming.write(body)
        if way == "renamed":
            aliases.moving.move(origin, aliases.paths.find_exact(origin, "E"), "E2")
        else:
            aliases.changes.remove(origin, "E")
        incoming.commit()
    assert "E" in names(aliases, origin)
    assert [member.alias.name for member in aliases.paths.members(origin, "E")] == ["x.jpg"]


def test_removing_what_is_not_there_says_so(aliases, origin):
    with pytest.raises(Missing):
        aliases.changes.remove(origin, "a.jpg")


def test_a_removed_item_is_listed_and_gone_until_it_is_restored(library, aliases, origin, put):
    found = put("a.jpg", photo(seed="gone"))
    page = library.browse.item(found.item_id)
    library.trash.put(page.item)
    gone = aliases.paths.find_exact(origin, "a.jpg")
    assert gone.state is State.REMOVED
    assert names(aliases, origin) == ["a.jpg"]
    with pytest.raises(Gone):
        aliases.paths.open(gone)
    library.trash.restore(page.item)
    back = aliases.paths.find_exact(origin, "a.jpg")
    assert back.state is State.FILED
    aliases.paths.open(back).file.close()


def test_a_file_taken_away_by_hand_is_gone(library, aliases, origin, put):
    found = put("a.jpg", photo(seed="by hand"))
    (path,) = library.store.tree.files()
    (library.store.root / path).unlink()
    with pytest.raises(Gone):
        aliases.paths.open(found)


def test_content_says_where_its_item_lies(aliases, put):
    body = photo(seed="content")
    content = aliases.paths.open(put("a.jpg", body))
    with content.file:
        assert content.file.read() == body
    assert content.place == PurePosixPath("images/2024/05/17/a.jpg")
    assert content.media_type == "image/jpeg"


# ---- two requests at once -----------------------------------------------------------------------


def meanwhile(part, step: str, request, *, after: bool) -> None:
    """Lets a request come whole before, or after, the first call of this step of a part."""
    inner, _, step = step.rpartition(".")
    part = getattr(part, inner) if inner else part
    do = getattr(part, step)

    def interrupted(*arguments: object) -> object:
        setattr(part, step, do)
        if not after:
            request()
        done = do(*arguments)
        if after:
            request()
        return done

    setattr(part, step, interrupted)


MOMENTS = {
    "a.jpg.part": [("staging.reopen", False), ("staging.reopen", True), ("link", True)],
    "a.xmp": [("staging.create", False), ("staging.create", True)],
}
AT_ONCE = pytest.mark.parametrize(
    ("source", "step", "after"),
    [(source, *moment) for source, moments in MOMENTS.items() for moment in moments],
)
BODIES = {
    "a.jpg.part": (photo(seed="sent first"), photo(seed="sent meanwhile")),
    "a.xmp": (b"sent first", b"sent meanwhile"),
}
TARGETS = {"a.jpg.part": "b.jpg", "a.xmp": "b.xmp"}


def body_of(aliases: Aliases, origin: Origin, path: str) -> bytes | None:
    found = aliases.paths.find_exact(origin, path)
    if found is None:
        return None
    with aliases.paths.open(found).file as file:
        return file.read()


@AT_ONCE
@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
def test_what_is_sent_to_a_name_while_it_moves_is_what_moves(
    library, aliases, origin, put, source, step, after, links
):
    library.store._links = links
    first, second = BODIES[source]
    moving = put(source, first)
    meanwhile(library.store, step, lambda: put(source, second), after=after)
    aliases.moving.move(origin, moving, TARGETS[source])
    assert names(aliases, origin) == [TARGETS[source]]
    assert body_of(aliases, origin, TARGETS[source]) == second
    assert len(library.store.staging.names()) == (source == "a.xmp"), "one that waits"


@AT_ONCE
@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
def test_a_name_that_is_removed_while_it_moves_is_missing(
    library, aliases, origin, put, source, step, after, links
):
    library.store._links = links
    moving = put(source, BODIES[source][0])
    meanwhile(library.store, step, lambda: aliases.changes.remove(origin, source), after=after)
    with pytest.raises(Missing):
        aliases.moving.move(origin, moving, TARGETS[source])
    assert names(aliases, origin) == []
    assert library.store.staging.names() == []
    assert list(library.store.tree.files()) == []


@pytest.mark.parametrize(
    ("source", "step", "after", "other"),
    [
        ("a.jpg.part", "staging.reopen", False, "c.jpg"),
        ("a.jpg.part", "staging.reopen", True, "c.jpg"),
        ("a.jpg.part", "staging.reopen", True, "c.xmp"),
        ("a.jpg.part", "link", True, "c.part"),
        ("a.xmp", "staging.create", False, "c.xmp"),
        ("a.xmp", "staging.create", True, "c.xmp"),
        ("a.xmp", "staging.create", True, "A.XMP"),
    ],
)
def test_of_two_moves_of_one_name_at_once_one_is_done_and_the_other_finds_nothing(
    library, aliases, origin, put, source, step, after, other
):
    body = BODIES[source][0]
    moving = put(source, body)
    meanwhile(library.store, step, lambda: aliases.moving.move(origin, moving, other), after=after)
    with pytest.raises(Missing):
        aliases.moving.move(origin, moving, TARGETS[source])
    assert names(aliases, origin) == [other]
    assert body_of(aliases, origin, other) == body


@pytest.mark.parametrize("path", ["a.jpg", "a.part", "F"])
def test_what_was_removed_or_renamed_since_the_look_takes_no_other_name(aliases, origin, put, path):
    moving = aliases.changes.make_folder(origin, "F") if path == "F" else put(path, photo(seed="a"))
    kept = put("F/in.jpg" if path == "F" else "kept.part", photo(seed="kept"))
    aliases.moving.move(origin, moving, "one.part")
    with pytest.raises(Missing):
        aliases.moving.move(origin, moving, "two.part")
    aliases.changes.remove(origin, "one.part")
    with pytest.raises(Missing):
        aliases.moving.move(origin, moving, "kept.part")
    if path != "F":
        assert aliases.paths.find_exact(origin, "kept.part") == kept
    assert aliases.paths.find_exact(origin, "two.part") is None


@pytest.mark.parametrize("again", ["a.xmp", "A.XMP"])
def test_a_companion_sent_again_while_its_only_name_goes_is_there(
    library, aliases, origin, put, again
):
    put("a.xmp", b"the same")
    meanwhile(
        library.companions, "has", lambda: aliases.changes.remove(origin, "a.xmp"), after=True
    )
    put(again, b"the same")
    assert names(aliases, origin) == [again]
    assert body_of(aliases, origin, again) == b"the same"


def test_a_companion_that_moves_to_where_the_same_one_goes_just_then_is_there(
    library, aliases, origin, put
):
    aliases.changes.make_folder(origin, "b")
    put("b/A.XMP", b"the same")
    moving = put("a.xmp", b"the same")
    meanwhile(
        library.companions, "has", lambda: aliases.changes.remove(origin, "b/A.XMP"), after=True
    )
    aliases.moving.move(origin, moving, "b/a.xmp")
    assert body_of(aliases, origin, "b/a.xmp") == b"the same"
    assert names(aliases, origin) == ["b"]


def test_a_name_that_gets_its_bytes_while_it_moves_is_no_placeholder(aliases, origin, put):
    announced = aliases.changes.announce(origin, "a.jpg")
    sent = put("a.jpg", photo(seed="bytes at last"))
    aliases.moving.move(origin, announced, "b.jpg")
    moved = aliases.paths.find_exact(origin, "b.jpg")
    assert (moved.state, moved.item_id) == (State.FILED, sent.item_id)


# ---- notes ----------------------------------------------------------------------------------


def test_notes_are_bounded_for_each_alias(aliases, origin):
    found = aliases.changes.announce(origin, "a.jpg")
    aliases.notes.note(found, Property("{x}a", "v" * 60_000))
    aliases.notes.note(found, Property("{x}a", "v" * 65_000))
    with pytest.raises(TooMuchNoted):
        aliases.notes.note(found, Property("{x}b", "v" * 1000))
    assert [noted.name for noted in aliases.notes.properties(found)] == ["{x}a"]


# ---- life -----------------------------------------------------------------------------------


def test_a_placeholder_lives_for_fifteen_minutes_or_as_long_as_its_lock(
    library, aliases, origin, hand
):
    aliases.changes.announce(origin, "free.jpg")
    aliases.changes.announce(origin, "held.jpg")
    now = hand.clock.now()
    lock = Lock("t", origin.key, "held.jpg", "exclusive", "0", "", "", 3600, now + 3600)
    library.catalogue.write(lambda c: lock_rows.insert_lock(c, lock, now))
    hand.pass_by(901)
    aliases.sweep()
    assert names(aliases, origin) == ["held.jpg"]
    hand.pass_by(3600)
    aliases.sweep()
    assert names(aliases, origin) == []


def test_litter_lives_a_day(aliases, origin, put, hand):
    put("._a", b"x")
    hand.pass_by(DAY - 10)
    aliases.sweep()
    assert aliases.paths.find(origin, "._a")
    hand.pass_by(20)
    aliases.sweep()
    assert aliases.paths.find(origin, "._a") is None


def test_of_too_much_litter_the_oldest_goes(library, aliases, origin, put, hand, monkeypatch):
    monkeypatch.setattr(rows, "LITTER_BYTES", 25)
    for name in ("._1", "._2", "._3"):
        hand.pass_by(1)
        put(name, b"x" * 10)
    assert aliases.paths.find(origin, "._1") is None
    assert aliases.paths.find(origin, "._3")


def test_a_temporary_name_nobody_asks_for_ends_with_a_receipt(library, aliases, origin, put, hand):
    put("a.jpg.part", b"bytes")
    hand.pass_by(DAY + 10)
    aliases.sweep()
    assert names(aliases, origin) == []
    assert library.store.staging.names() == []
    assert library.receipts.recent(origin.key)[0].outcome == "unfinished"
    assert "never completed" in library.log.lines()[-1]["says"]


def test_a_temporary_name_lives_on_while_it_is_asked_for(aliases, origin, put, hand):
    put("a.jpg.part", b"bytes")
    for _ in range(3):
        hand.pass_by(DAY * 0.7)
        assert aliases.paths.find(origin, "a.jpg.part")
        aliases.sweep()
    assert names(aliases, origin) == ["a.jpg.part"]


def test_an_alias_lives_thirty_days_after_it_was_last_seen(library, aliases, origin, put, hand):
    put("seen.jpg", photo(seed="seen"))
    aliases.changes.make_folder(origin, "Old")
    put("Old/unseen.jpg", photo(seed="unseen"))
    for _ in range(3):
        hand.pass_by(15 * DAY)
        aliases.paths.members(origin, "")
        aliases.sweep()
    assert names(aliases, origin) == ["Old", "seen.jpg"]
    assert names(aliases, origin, "Old") == []
    assert len(list(library.store.tree.files())) == 2
    hand.pass_by(31 * DAY)
    aliases.sweep()
    assert names(aliases, origin) == []


def test_a_repeated_upload_after_expiry_is_no_second_file(library, aliases, origin, put, hand):
    body = photo(seed="again")
    put("a.jpg", body)
    hand.pass_by(40 * DAY)
    aliases.sweep()
    put("a.jpg", body)
    assert len(list(library.store.tree.files())) == 1


def test_being_seen_is_written_once_a_day_for_a_folder_and_not_in_the_request(
    library, aliases, origin, put, hand, monkeypatch
):
    put("a.jpg", photo(seed="once"))
    aliases.sweep()
    hand.pass_by(DAY)
    marked = []
    mark = rows.mark_seen

    def note(*facts):
        marked.append(facts[1:])
        mark(*facts)

    monkeypatch.setattr(rows, "mark_seen", note)
    for _ in range(5):
        aliases.paths.members(origin, "")
        aliases.paths.find(origin, "a.jpg")
    assert marked == []
    aliases.sweep()
    aliases.paths.members(origin, "")
    aliases.sweep()
    assert len(marked) == 1


def aliases_of(library, clock, **life) -> Aliases:
    """The collection as another server over the same library would have it."""
    foundation = replace(library.foundation, clock=clock)
    lives = AliasLife(foundation=foundation, batches=library.batches, log=library.log, **life)
    return Aliases.build(
        foundation=foundation,
        door=library.door,
        refusals=library.refusals,
        dating=library.dating,
        life=lives,
    )


def test_alias_days_of_nothing_mean_for_ever(library, origin, put, hand):
    forever = aliases_of(library, hand.clock, days=0)
    put("a.jpg", photo(seed="for ever"))
    hand.pass_by(1000 * DAY)
    forever.sweep()
    assert forever.paths.find(origin, "a.jpg")


def test_an_origin_has_a_bounded_number_of_aliases(library, aliases, origin, hand):
    few = aliases_of(library, hand.clock, most=3)
    other = origin_of("192.168.1.99")
    few.changes.announce(other, "other.jpg")
    for number in range(5):
        hand.pass_by(1)
        few.changes.announce(origin, f"{number}.jpg")
    few.sweep()
    assert names(few, origin) == ["2.jpg", "3.jpg", "4.jpg"]
    assert names(few, other) == ["other.jpg"]


def test_dead_locks_are_remembered_for_a_day_and_then_forgotten(library, aliases, origin, hand):
    aliases.changes.announce(origin, "a.jpg")
    now = hand.clock.now()
    lock = Lock("t", origin.key, "a.jpg", "exclusive", "0", "", "", 600, now + 600)
    library.catalogue.write(lambda c: lock_rows.insert_lock(c, lock, now))
    aliases.changes.remove(origin, "a.jpg")
    with library.catalogue.reading() as connection:
        assert lock_rows.covering(connection, origin.key, "a.jpg", now) == []
        assert lock_rows.find(connection, origin.key, "t")
    hand.pass_by(DAY + 10)
    aliases.sweep()
    assert library.catalogue.locks.find(origin.key, "t") is None


def test_a_waiting_companion_leaves_nothing_when_its_alias_ends(
    library, aliases, origin, put, hand
):
    put("alone.xmp", b"companion")
    hand.pass_by(40 * DAY)
    aliases.sweep()
    assert library.store.staging.names() == []
    assert names(aliases, origin) == []


def test_the_sweep_spares_what_was_sent_anew_meanwhile(library, aliases, origin, put, hand):
    old = aliases.changes.announce(origin, "a.jpg")
    hand.pass_by(1000)
    put("a.jpg", photo(seed="meanwhile"))
    with pytest.raises(Missing):
        aliases.changes.remove(origin, "a.jpg", still(old))
    assert aliases.paths.find(origin, "a.jpg").state is State.FILED
