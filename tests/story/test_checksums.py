"""A checksum means the same on the drive and in the API: wrong refuses, unreadable is ignored."""

import hashlib
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from werkzeug.test import Client

from daydrop.library import Library
from daydrop.readers.workers import Workers
from daydrop.settings import read_settings
from tests import media
from tests.drive import Drive
from tests.sites import browser, site

PHOTO = media.photo(seed="sums")
OTHER = b"other bytes"
Send = Callable[..., tuple[int, str]]


@pytest.fixture
def library(tmp_path: Path, workers: Workers) -> Iterator[Library]:
    options = {"store": {"root": tmp_path / "store"}, "limits": {"keep_free": 0}}
    opened = Library(read_settings(options, {}), workers=workers)
    opened.start()
    yield opened
    opened.close()


@pytest.fixture(params=["drive", "api"])
def send(request: pytest.FixtureRequest, library: Library) -> Send:
    """Send the photo by one of the faces; return the status, and the receipt's sentence."""
    if request.param == "drive":
        return lambda **headers: by_drive(library, **headers)
    return lambda **headers: by_api(library, browser(library), **headers)


def by_drive(library: Library, **headers: str) -> tuple[int, str]:
    status = Drive(site(library), "127.0.0.1").put("/Upload/s.jpg", PHOTO, **headers).status_code
    return status, newest_receipt(library)


def by_api(library: Library, web: Client, **headers: str) -> tuple[int, str]:
    files = [{"name": "s.jpg", "size": len(PHOTO)}]
    [file] = web.post("/api/v1/batches", json={"files": files}).get_json()["files"]
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    kind = "application/offset+octet-stream"
    reply = web.patch(
        file["url"], data=PHOTO, headers={"Upload-Offset": "0", "Content-Type": kind} | sent
    )
    return reply.status_code, newest_receipt(library)


def newest_receipt(library: Library) -> str:
    [receipt, *_] = library.catalogue.receipts.recent(None, 1)
    return receipt.sentence()


def in_base64(name: str, body: bytes) -> str:
    return b64encode(hashlib.new(name, body, usedforsecurity=False).digest()).decode()


ALGORITHMS = {"sha-256": "sha256", "sha-512": "sha512", "sha": "sha1", "md5": "md5"}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_digest_that_differs_refuses_by_either_face(send: Send, algorithm: str) -> None:
    wrong = f"{algorithm}=:{in_base64(ALGORITHMS[algorithm], OTHER)}:"
    status, said = send(Repr_Digest=wrong)
    assert status in (400, 422)
    assert "differ" in said or "checksum" in said


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_digest_that_agrees_is_accepted_by_either_face(send: Send, algorithm: str) -> None:
    status, said = send(Repr_Digest=f"{algorithm}=:{in_base64(ALGORITHMS[algorithm], PHOTO)}:")
    assert status in (200, 201)
    assert "Repr-Digest" not in said


def test_a_digest_that_cannot_be_read_is_ignored_and_the_receipt_says_so(send: Send) -> None:
    status, said = send(Repr_Digest="sha-256=:AAA:")
    assert status in (200, 201)
    assert said.endswith("The checksum in Repr-Digest could not be read and was ignored.")


@pytest.mark.parametrize(
    ("header", "form"),
    [
        ("OC_Checksum", lambda body: f"SHA1:{hashlib.sha1(body).hexdigest()}"),  # noqa: S324
        ("Content_MD5", lambda body: in_base64("md5", body)),
    ],
)
def test_the_other_checksums_of_a_drive_refuse_what_differs(
    library: Library, header: str, form: Callable[[bytes], str]
) -> None:
    assert by_drive(library, **{header: form(OTHER)})[0] == 400
    assert by_drive(library, **{header: form(PHOTO)})[0] == 201


def test_the_receipt_of_a_drive_says_which_checksum_was_ignored(library: Library) -> None:
    status, said = by_drive(library, Content_MD5="%%%")
    assert status == 201
    assert "Content-MD5" in said
