"""Locks: rows of an origin and a path, granted once, ended with what they lock."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath

import pytest

from daydrop.aliases import locks as lock_module
from daydrop.aliases.locks import unopened
from daydrop.library import Library
from daydrop.origin import origin_of
from daydrop.records.lock import Lock
from tests import media
from tests.clock import Hand, taken
from tests.drive import EXCLUSIVE, SHARED, Drive, asking, setting
from tests.sites import make_library, site


def test_a_lock_of_a_free_name_makes_a_placeholder(drive: Drive) -> None:
    reply = drive.send("LOCK", "/Upload/L1.jpg", EXCLUSIVE, Timeout="Second-99999")
    assert reply.status_code == 201
    assert reply.headers["Lock-Token"].startswith("<opaquelocktoken:")
    assert b"Second-3600" in reply.data
    assert drive.look("/Upload/L1.jpg").text("getcontentlength") == "0"


def test_a_lock_without_depth_holds_for_all_below(drive: Drive) -> None:
    drive.send("MKCOL", "/Upload/L1d")
    token = drive.lock("/Upload/L1d")
    assert drive.put("/Upload/L1d/a.jpg", media.photo(seed="L1d")).status_code == 423
    reply = drive.put("/Upload/L1d/a.jpg", media.photo(seed="L1d"), If=f"</Upload/L1d> (<{token}>)")
    assert reply.status_code == 201


def test_a_lock_of_a_refused_name_is_refused(drive: Drive) -> None:
    assert drive.send("LOCK", "/Upload/notes.txt", EXCLUSIVE).status_code == 403
    assert drive.names() == []


def test_a_lock_below_a_missing_folder_is_a_conflict(drive: Drive) -> None:
    assert drive.send("LOCK", "/Upload/no/a.jpg", EXCLUSIVE).status_code == 409


def test_a_lock_sits_on_the_path_survives_filing_and_is_prolonged(drive: Drive) -> None:
    drive.put("/Upload/L2.jpg")
    reply = drive.send("LOCK", "/Upload/L2.jpg", EXCLUSIVE, Timeout="Second-60")
    assert reply.status_code == 200
    token = reply.headers["Lock-Token"]
    assert drive.put("/Upload/L2.jpg", media.photo(seed="L2"), If=f"({token})").status_code == 204
    assert drive.send("DELETE", "/Upload/L2.jpg").status_code == 423
    again = drive.send("LOCK", "/Upload/L2.jpg", If=f"({token})", Timeout="Second-600")
    assert again.status_code == 200
    assert b"Second-600" in again.data
    assert drive.send("LOCK", "/Upload/L2.jpg", If="(<urn:x>)").status_code == 412


def test_a_lock_is_told_to_who_asks(drive: Drive) -> None:
    token = drive.lock("/Upload/told.jpg")
    reply = drive.send("PROPFIND", "/Upload/", asking("lockdiscovery"), Depth="1")
    assert token.encode() in reply.data
    assert b"somebody" in reply.data
    assert b"<D:lockroot><D:href>/Upload/told.jpg</D:href></D:lockroot>" in reply.data


def test_nobody_else_gets_an_exclusive_lock_and_shared_ones_suffer_each_other(drive: Drive) -> None:
    drive.lock("/Upload/x.jpg")
    reply = drive.send("LOCK", "/Upload/x.jpg", EXCLUSIVE)
    assert reply.status_code == 423
    assert b"no-conflicting-lock" in reply.data
    first = drive.lock("/Upload/s.jpg", SHARED)
    assert drive.lock("/Upload/s.jpg", SHARED) != first
    assert drive.send("LOCK", "/Upload/s.jpg", EXCLUSIVE).status_code == 423
    assert drive.put("/Upload/s.jpg", media.photo(seed="s"), If=f"(<{first}>)").status_code == 204


def test_of_many_who_lock_at_once_one_succeeds(drive: Drive) -> None:
    with ThreadPoolExecutor(8) as pool:
        replies = list(
            pool.map(lambda _: drive.send("LOCK", "/Upload/race.jpg", EXCLUSIVE), range(16))
        )
    statuses = sorted(reply.status_code for reply in replies)
    assert [status for status in statuses if status < 300] != []
    assert len([status for status in statuses if status < 300]) == 1
    assert statuses.count(423) == 15


def test_unknown_tokens_asked_for_by_many_threads_raise_nothing(drive: Drive) -> None:
    drive.put("/Upload/t.jpg")
    with ThreadPoolExecutor(8) as pool:
        statuses = set(
            pool.map(lambda each: drive.unlock("/Upload/t.jpg", f"urn:{each}"), range(200))
        )
    assert statuses == {409}


@pytest.mark.parametrize("fate", ["filed", "deleted", "moved", "replaced"])
def test_unlock_with_ones_own_token_is_204_whatever_became_of_the_file(
    drive: Drive, fate: str
) -> None:
    path, photo = "/Upload/own.jpg", media.photo(seed=f"own {fate}")
    token = drive.lock(path)
    held = f"<{path}> (<{token}>)"
    assert drive.put(path, photo, If=held).status_code == 204
    if fate == "deleted":
        assert drive.send("DELETE", path, If=held).status_code == 204
    if fate == "moved":
        assert drive.move(path, "/Upload/elsewhere.jpg", If=held).status_code == 201
    if fate == "replaced":
        drive.put("/Upload/new.jpg.part", media.photo(seed="own new"))
        assert drive.move("/Upload/new.jpg.part", path, If=held).status_code == 204
    assert drive.unlock(path, token) == 204
    assert drive.send("LOCK", path, EXCLUSIVE).status_code in (200, 201)


def test_a_token_without_brackets_is_accepted_and_an_unknown_one_is_409(drive: Drive) -> None:
    token = drive.lock("/Upload/b.jpg")
    assert drive.send("UNLOCK", "/Upload/b.jpg", Lock_Token=token).status_code == 204
    reply = drive.send("UNLOCK", "/Upload/b.jpg", Lock_Token=f"<{token}>")
    assert reply.status_code == 409
    assert b"lock-token-matches-request-uri" in reply.data
    assert drive.send("UNLOCK", "/Upload/b.jpg").status_code == 400


def test_a_token_of_another_path_does_not_unlock_this_one(drive: Drive) -> None:
    drive.lock("/Upload/1.jpg")
    token = drive.lock("/Upload/2.jpg")
    assert drive.unlock("/Upload/1.jpg", token) == 409


def test_no_lock_outlives_its_file(drive: Drive) -> None:
    token = drive.lock("/Upload/gone.jpg")
    drive.send("DELETE", "/Upload/gone.jpg", If=f"(<{token}>)")
    assert drive.send("LOCK", "/Upload/gone.jpg", EXCLUSIVE).status_code == 201


def test_a_lock_of_an_expired_alias_is_free_for_others(own: Callable[..., Library]) -> None:
    hand = Hand()
    library = own(hand.clock)
    drive = Drive(site(library))
    token = drive.lock("/Upload/e.jpg")
    hand.pass_by(4000)
    library.aliases.sweep()
    assert drive.send("PROPFIND", "/Upload/e.jpg", Depth="0").status_code == 404
    assert drive.unlock("/Upload/e.jpg", token) == 204
    assert drive.send("LOCK", "/Upload/e.jpg", EXCLUSIVE).status_code == 201


def test_a_lock_ends_by_itself(own: Callable[..., Library]) -> None:
    hand = Hand()
    drive = Drive(site(own(hand.clock)))
    drive.send("LOCK", "/Upload/e.jpg", EXCLUSIVE, Timeout="Second-30")
    assert drive.put("/Upload/e.jpg", media.photo(seed="ends")).status_code == 423
    hand.pass_by(31)
    assert drive.put("/Upload/e.jpg", media.photo(seed="ends")).status_code == 204


def test_a_lock_without_a_wish_lasts_ten_minutes(drive: Drive) -> None:
    assert b"Second-600<" in drive.send("LOCK", "/Upload/ten.jpg", EXCLUSIVE).data
    reply = drive.send("LOCK", "/Upload/ever.jpg", EXCLUSIVE, Timeout="Infinite")
    assert b"Second-3600<" in reply.data


def test_locks_and_notes_survive_a_restart(own: Callable[..., Library]) -> None:
    library = own()
    drive = Drive(site(library))
    token = drive.lock("/Upload/r.jpg")
    drive.send("PROPPATCH", "/Upload/r.jpg", setting("<C:a>1</C:a>"), If=f"(<{token}>)")
    library.close()
    again = make_library(library.store.root)
    try:
        drive = Drive(site(again))
        assert drive.put("/Upload/r.jpg", media.photo(seed="r")).status_code == 423
        assert "{urn:x}a" in drive.look("/Upload/r.jpg").found
        assert drive.unlock("/Upload/r.jpg", token) == 204
    finally:
        again.close()


def test_two_nodes_share_locks_aliases_and_notes(library: Library, drive: Drive) -> None:
    neighbour = Drive(site(library), drive.address)
    token = drive.lock("/Upload/n.jpg")
    assert neighbour.send("LOCK", "/Upload/n.jpg", EXCLUSIVE).status_code == 423
    photo = media.photo(seed="two nodes")
    assert neighbour.put("/Upload/n.jpg", photo, If=f"(<{token}>)").status_code == 204
    assert neighbour.unlock("/Upload/n.jpg", token) == 204
    assert drive.get("/Upload/n.jpg").data == photo


def test_too_many_locks_are_507(drive: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_module, "MOST", 2)
    drive.lock("/Upload/1.jpg")
    drive.lock("/Upload/2.jpg")
    assert drive.send("LOCK", "/Upload/3.jpg", EXCLUSIVE).status_code == 507
    assert drive.names() == ["1.jpg", "2.jpg"]


def test_a_lock_granted_while_a_body_arrives_stops_its_commit(drive: Drive) -> None:
    photo = media.photo(seed="while", size=50_000)

    class Slow:
        """A body during which somebody else locks the name."""

        def __init__(self) -> None:
            self.left = photo

        def readinto(self, view: memoryview) -> int:
            if len(self.left) == len(photo):
                drive.lock("/Upload/w.jpg")
            part, self.left = self.left[: len(view)], self.left[len(view) :]
            view[: len(part)] = part
            return len(part)

    environ = {"wsgi.input": Slow(), "CONTENT_LENGTH": str(len(photo))}
    from werkzeug.test import Client, EnvironBuilder

    builder = EnvironBuilder(
        path="/Upload/w.jpg",
        method="PUT",
        environ_overrides=environ | {"REMOTE_ADDR": drive.address},
    )
    assert Client(drive.app).open(builder).status_code == 423
    assert drive.look("/Upload/w.jpg").text("getcontentlength") == "0"


@pytest.mark.parametrize("way", ["put", "move"])
def test_a_lock_granted_while_a_file_is_being_filed_stops_it(
    way: str, drive: Drive, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, held = library.workers.read, library.batches.current(origin_of(drive.address))
    photo = media.photo(taken(2009, 1, 2, 3), seed=f"filing {way}")
    name = f"/Upload/{way}ed.jpg"
    drive.put(f"{name}.part", photo)

    def locked_meanwhile(*asked: object) -> object:
        drive.lock(name)
        return read(*asked)

    monkeypatch.setattr(library.workers, "read", locked_meanwhile)
    sent = drive.put(name, photo) if way == "put" else drive.move(f"{name}.part", name)
    assert sent.status_code == 423
    assert not library.store.tree.is_there(
        PurePosixPath("images/2009/01/02", name.rpartition("/")[2])
    )
    assert drive.look(name).size in (-1, 0)
    assert drive.get(f"{name}.part").data == photo
    now = library.batches.current(origin_of(drive.address))
    assert (now and now.files) == (held.files if held else 0)


def lock(path: str, token: str, scope: str = "exclusive") -> Lock:
    return Lock(token, "o", path, scope, "0", "", "o", 600, 9e9)


def test_the_token_of_one_shared_lock_opens_a_path_and_no_other() -> None:
    shared = [lock("a", "1", "shared"), lock("a", "2", "shared")]
    assert unopened(shared, {"2"}) == []
    assert unopened([*shared, lock("b", "3")], {"2"}) == [lock("b", "3")]


def test_an_owner_that_says_too_much_is_left_out(drive: Drive) -> None:
    body = EXCLUSIVE.replace("somebody", "x" * 5000)
    assert drive.send("LOCK", "/Upload/o.jpg", body).status_code == 201
    reply = drive.send("PROPFIND", "/Upload/o.jpg", asking("lockdiscovery"), Depth="0")
    assert b"xxxx" not in reply.data
