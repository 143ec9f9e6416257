"""Resumable uploads: what is promised holds over cuts, restarts and time."""

from datetime import datetime

import pytest

from library.errors import Code, Refused
from library.library import Library
from library.origin import Origin
from library.uploads import CHECKPOINT, Announced, UploadState
from tests import media

MAY = datetime(2024, 5, 17, 12, 0)  # noqa: DTZ001
PHOTO = media.photo(MAY, size=100_000)


def announced(library: Library, origin: Origin, *bodies: bytes) -> list[str]:
    files = [Announced(str(n), f"{n}.jpg", f"{n}.jpg", len(body)) for n, body in enumerate(bodies)]
    return [upload.id for upload in library.uploads.announce(origin, files).uploads]


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
    with library.store.staged_path(staged).open("ab") as file:
        file.write(b"never flushed, never noted")
    assert send(library, upload_id, 1000, PHOTO[1000:]).sha256 is not None
    assert (library.store.root / "images/2024/05/17/0.jpg").read_bytes() == PHOTO


def test_an_upload_whose_staging_file_is_gone_begins_anew(library: Library, origin: Origin) -> None:
    [upload_id] = announced(library, origin, PHOTO)
    send(library, upload_id, 0, PHOTO[:1000])
    library.store.discard(library.uploads.find(upload_id).staged)
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
    assert library.uploads.sweep() == 2
    assert library.uploads.find(second).state is UploadState.EXPIRED
    assert library.store.staged_names() == []
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
    library.upkeep.sweep()
    assert send(library, upload_id, 1000, PHOTO[1000:]) is not None


def test_sixty_files_against_the_limit_of_fifty_let_exactly_fifty_in(
    library: Library, origin: Origin
) -> None:
    files = [Announced(str(n), f"{n}.jpg", f"{n}.jpg", 10) for n in range(60)]
    manifest = library.uploads.announce(origin, files)
    states = [upload.state for upload in manifest.uploads]
    assert states == [UploadState.ACCEPTED] * 50 + [UploadState.REFUSED] * 10
    assert library.batches.find(manifest.batch.id).files == 50
