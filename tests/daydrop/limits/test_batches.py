"""The files of one origin are counted together, and the limits are exact."""

from pathlib import Path

import pytest

from daydrop.catalogue import schema
from daydrop.catalogue.catalogue import Catalogue
from daydrop.catalogue.database import sqlite_url
from daydrop.errors import Code, Refused
from daydrop.limits.batches import Batches
from daydrop.origin import origin_of
from daydrop.settings import LimitSettings

PHONE, LAPTOP = origin_of("192.168.1.20"), origin_of("192.168.1.21")


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.time = 1_000_000.0

    def now(self) -> float:
        return self.time


@pytest.fixture
def clock():
    return Hand()


@pytest.fixture
def batches(tmp_path: Path, clock):
    database = Catalogue(sqlite_url(tmp_path / "catalogue.sqlite"))
    schema.upgrade(database)
    yield Batches(database, clock, LimitSettings(batch_files=3, batch_bytes=100))
    database.close()


def accept(batches: Batches, origin, size: int, batch_id: str | None = None) -> str:
    held = batches.reserve(origin, size, batch_id)
    batches._catalogue.write(lambda connection: batches.spend(connection, held.id, size))
    return held.batch_id


def test_a_batch_takes_so_many_files_and_no_more(batches):
    for _ in range(3):
        accept(batches, PHONE, 1)
    with pytest.raises(Refused) as refused:
        batches.reserve(PHONE, 1)
    assert refused.value.code is Code.BATCH_FILES
    assert refused.value.sentence() == (
        "This batch already holds 3 files: send the rest in the next batch, in 60 s."
    )


def test_a_batch_takes_so_many_bytes_and_no_more(batches):
    accept(batches, PHONE, 60)
    with pytest.raises(Refused) as refused:
        batches.reserve(PHONE, 41)
    assert refused.value.code is Code.BATCH_BYTES
    accept(batches, PHONE, 40)


def test_each_origin_has_its_own_batch(batches):
    for _ in range(3):
        accept(batches, PHONE, 1)
    accept(batches, LAPTOP, 1)
    assert batches.current(PHONE).id != batches.current(LAPTOP).id


def test_a_batch_ends_after_a_minute_without_an_accepted_byte(batches, clock):
    first = accept(batches, PHONE, 1)
    clock.time += 59
    assert accept(batches, PHONE, 1) == first
    clock.time += 61
    assert accept(batches, PHONE, 1) != first


def test_a_batch_ends_a_quarter_of_an_hour_after_it_opened(batches, clock):
    first = accept(batches, PHONE, 1)
    for _ in range(18):
        clock.time += 50
        batches.touch(first)
    assert accept(batches, PHONE, 1) != first


def test_a_refused_request_does_not_prolong_a_batch(batches, clock):
    for _ in range(3):
        accept(batches, PHONE, 1)
    for _ in range(6):
        clock.time += 11
        try:
            batches.reserve(PHONE, 1)
        except Refused:
            continue
        break
    else:
        pytest.fail("the refusals kept the batch open")


def test_what_was_held_and_not_used_is_given_back(batches):
    held = [batches.reserve(PHONE, 30) for _ in range(3)]
    for reservation in held:
        batches.refund(reservation.id)
        batches.refund(reservation.id)
    batch = batches.current(PHONE)
    assert (batch.files, batch.bytes) == (0, 0)


def test_an_upload_of_unknown_size_holds_more_as_it_grows(batches):
    held = batches.reserve(PHONE, None)
    held = batches.grow(held, PHONE, 60)
    with pytest.raises(Refused) as refused:
        batches.grow(held, PHONE, 41)
    assert refused.value.code is Code.FILE_TOO_BIG
    assert batches.current(PHONE).bytes == 60


def test_an_explicit_batch_stays_open_until_it_is_finished(batches, clock):
    batch = batches.open_explicit(PHONE)
    clock.time += 3600
    accept(batches, PHONE, 1, batch.id)
    batches.finish(batch.id)
    with pytest.raises(Refused) as refused:
        batches.reserve(PHONE, 1, batch.id)
    assert refused.value.code is Code.EXPIRED


def test_batches_that_are_over_are_closed(batches, clock):
    accept(batches, PHONE, 1)
    assert batches.close_idle() == 0
    clock.time += 61
    assert batches.close_idle() == 1
    assert [batch.origin for batch in batches.closed()] == [PHONE.key]
