"""Refusals: one sentence in the reason phrase and in the body, one table, nothing of ours leaks."""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from davserver.dav.errors import STATUSES, Refusal, refusal, reply, status_line
from daydrop.errors import Code, Refused
from daydrop.library import Library
from tests import media
from tests.drive import EXCLUSIVE, Drive, condition, message
from tests.sites import site


def test_every_code_has_a_status() -> None:
    assert set(STATUSES) == set(Code)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (Code.UNSUPPORTED_TYPE, 403),
        (Code.FILE_TOO_BIG, 413),
        (Code.BATCH_FILES, 507),
        (Code.BATCH_BYTES, 507),
        (Code.NO_SPACE, 507),
        (Code.READ_ONLY, 507),
        (Code.CUT_SHORT, 400),
        (Code.STALLED, 408),
        (Code.CHECKSUM_MISMATCH, 400),
        (Code.BUSY, 503),
        (Code.INTERNAL, 500),
    ],
)
def test_codes_become_the_statuses_of_the_design(code: Code, status: int) -> None:
    assert refusal(Refused(code)).value == status


def test_no_standing_refusal_has_a_status_that_clients_retry() -> None:
    retried = {423, 425, 429, 503}
    standing = set(Code) - {Code.BUSY, Code.LOCKED}
    assert not {STATUSES[code][0] for code in standing} & retried


def test_busy_says_when_to_come_back() -> None:
    _, headers, _ = reply(refusal(Refused(Code.BUSY, wait=7)))
    assert dict(headers)["Retry-After"] == "7"


def test_the_reason_phrase_is_printable_ascii_and_bounded() -> None:
    line = status_line(Refusal(403, f"Ünïcode\r\nSet-Cookie: x 照片 {'long ' * 100}"))
    assert line.isascii()
    assert line.isprintable()
    assert len(line) <= 204
    assert line.startswith("403 Unicode")


def test_the_sentence_stands_in_reason_and_body_and_is_no_html(drive: Drive) -> None:
    answer = drive.put("/Upload/words.jpg", b"words, whatever the name of the file says " * 20)
    assert answer.status_code == 403
    assert (
        message(answer)
        == "words.jpg does not contain a photo or video, despite its name. Please check the file."
    )
    assert answer.status.startswith("403 words.jpg does not contain a photo or video")
    assert b"<html" not in answer.data.lower()
    assert drive.names() == []


def test_a_name_is_refused_at_the_empty_put_and_at_the_lock(drive: Drive) -> None:
    empty = drive.put("/Upload/notes.txt")
    lock = drive.send("LOCK", "/Upload/notes.txt", EXCLUSIVE)
    assert message(empty) == message(lock)
    assert "only photos and videos" in message(empty)


def test_a_refusal_is_told_once_in_the_receipts(drive: Drive, library: Library) -> None:
    for _ in range(3):
        drive.put("/Upload/notes.txt", b"words")
    batch = library.batches.recent(drive.address)[0]
    (receipt,) = library.receipts.of_batch(batch.id)
    assert (receipt.outcome, receipt.times) == ("refused", 3)


def test_two_reasons_are_two_lines_of_the_receipt(drive: Drive, library: Library) -> None:
    photo = media.photo(seed="two reasons")
    for expected in ("5000", ""):
        told = {"X_Expected_Entity_Length": expected} if expected else {"Content_Length": "9999"}
        drive.put("/Upload/cut.jpg", photo, chunked=bool(expected), **told)
    drive.put("/Upload/cut.jpg", photo, OC_Checksum="SHA1:" + "0" * 40)
    batch = library.batches.recent(drive.address)[0]
    codes = [each.code for each in library.receipts.of_batch(batch.id) if each.name == "cut.jpg"]
    assert sorted(codes) == ["checksum_mismatch", "cut_short"]


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("a\\b.jpg", 400),
        ("a\u0001b.jpg", 400),
        ("..", 400),
        (f"{'x' * 300}.jpg", 201),
        (f"{'y' * 1100}.jpg", 400),
        ("u\u0308.jpg", 201),
        ("CON.jpg", 201),
        ("trailing. .jpg", 201),
    ],
)
def test_odd_names_are_refused_in_words_or_made_safe(
    drive: Drive, library: Library, name: str, status: int
) -> None:
    answer = drive.put(f"/Upload/{name}", media.photo(seed=name))
    assert answer.status_code == status
    if status == 400:
        assert message(answer)
    else:
        assert drive.get(f"/Upload/{name}").status_code == 200


def test_a_fault_of_ours_has_a_reference_that_stands_in_the_log(
    drive: Drive, monkeypatch: pytest.MonkeyPatch, log: list[Any]
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("/secret/path of this machine")

    monkeypatch.setattr("daydrop.aliases.paths.Paths.members", broken)
    answer = drive.send("PROPFIND", "/Upload/", Depth="1")
    assert answer.status_code == 500
    assert b"secret" not in answer.data
    reference = message(answer).rpartition(": ")[2].strip(".")
    assert len(reference) == 8
    assert reference in {each.get("reference") for each in log}


def test_wsgidav_logs_nothing_of_its_own(drive: Drive, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        drive.put("/Upload/notes.txt", b"words")
    assert [each for each in caplog.records if each.name.startswith("wsgidav")] == []


def test_a_full_disk_is_507_with_its_condition(own: Callable[..., Library]) -> None:
    drive = Drive(site(own(keep_free=1 << 60)))
    answer = drive.put("/Upload/full.jpg", media.photo(seed="full"))
    assert answer.status_code == 507
    assert condition(answer) == "{DAV:}sufficient-disk-space"


def test_head_of_what_is_not_there_has_no_body(drive: Drive) -> None:
    answer = drive.send("HEAD", "/Upload/no.jpg", Accept="*/*")
    assert answer.status_code == 404
    assert answer.data == b""


def test_a_store_that_cannot_be_written_is_read_and_says_so(
    drive: Drive, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    drive.put("/Upload/kept.jpg", media.photo(seed="read only"))
    monkeypatch.setattr(library, "is_read_only", True)
    for method in ("PUT", "MKCOL", "LOCK", "PROPPATCH", "DELETE", "MOVE", "COPY"):
        answer = drive.send(method, "/Upload/kept.jpg", Destination="/Upload/b.jpg")
        assert (answer.status_code, "is read-only at the moment" in message(answer)) == (507, True)
    assert drive.names() == ["kept.jpg"]
    assert drive.get("/Upload/kept.jpg").status_code == 200


def test_a_405_says_what_is_allowed(drive: Drive) -> None:
    drive.send("MKCOL", "/Upload/Folder")
    assert "PUT" in drive.send("MKCOL", "/Upload/Folder").headers["Allow"]


def test_a_length_that_is_no_number_is_400(drive: Drive) -> None:
    assert drive.put("/Upload/a.jpg", b"x", Content_Length="1x").status_code == 400
