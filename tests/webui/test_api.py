"""`/api/v1`: batches announced as a list, files received to the byte, as tus 1.0 means it."""

import hashlib
import io
import json
import random
from datetime import datetime

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from daydrop.intake.resumable import QUIET_SECONDS
from daydrop.library import Library
from daydrop.locks.between_processes import ProcessLocks
from daydrop.media.names import stem_key
from daydrop.readers.workers import Workers
from tests import media
from tests.sites import browser

MAY = datetime(2024, 5, 17, 12, 0)  # noqa: DTZ001
PHOTO = media.photo(MAY, size=300_000)


def announce(web: FlaskClient, *files: tuple[str, int], **headers: str) -> TestResponse:
    named = [{"ref": str(n), "name": name, "size": size} for n, (name, size) in enumerate(files)]
    sent = {key.replace("_", "-"): value for key, value in headers.items()}
    return web.post("/api/v1/batches", json={"files": named}, headers=sent)


def url_of(web: FlaskClient, name: str = "IMG_1.jpg", body: bytes = PHOTO) -> str:
    return str(announce(web, (name, len(body))).get_json()["files"][0]["url"])


def patch(
    web: FlaskClient, url: str, offset: int, body: bytes, announced: int | None = None, **more: str
) -> TestResponse:
    headers = {"Upload-Offset": str(offset), "Tus-Resumable": "1.0.0"}
    return web.patch(
        url,
        input_stream=io.BytesIO(body),
        content_type="application/offset+octet-stream",
        headers=headers | {key.replace("_", "-"): value for key, value in more.items()},
        environ_overrides={"CONTENT_LENGTH": str(len(body) if announced is None else announced)},
    )


def offset_of(web: FlaskClient, url: str) -> int:
    reply = web.head(url)
    assert reply.headers["Tus-Resumable"] == "1.0.0"
    assert reply.headers["Cache-Control"] == "no-store"
    return int(reply.headers["Upload-Offset"])


# ---- the manifest ---------------------------------------------------------------------------


def test_a_key_that_comes_with_another_list_is_refused(web: FlaskClient) -> None:
    announce(web, ("a.jpg", 10), Idempotency_Key="used")
    reply = announce(web, ("b.jpg", 10), Idempotency_Key="used")
    assert (reply.status_code, reply.get_json()["code"]) == (422, "idempotency_key")


def test_what_is_no_list_is_said_to_be_none(web: FlaskClient) -> None:
    for body in (b"[]", b"{", b'{"files": 3}', b'{"files": [{"name": 1}]}'):
        reply = web.post("/api/v1/batches", data=body, content_type="application/json")
        assert (reply.status_code, reply.get_json()["code"]) == (400, "bad_request")
        assert "JSON" in reply.get_json()["detail"]
    many = announce(web, *[(f"{n}.jpg", 1) for n in range(1001)])
    assert (many.status_code, many.get_json()["code"]) == (413, "too_many_files")
    assert "1,000" in many.get_json()["detail"]


def test_a_method_that_is_not_taken_names_those_that_are(web: FlaskClient) -> None:
    reply = web.put("/api/v1/batches")
    assert reply.status_code == 405
    assert "POST" in reply.headers["Allow"]
    assert reply.content_type == "application/problem+json"


def test_each_file_is_accepted_or_refused_before_a_byte_is_sent(web: FlaskClient) -> None:
    reply = announce(web, ("a.jpg", 10), ("b.txt", 10), ("c.jpg", 0), ("d.jpg", 9_999_999))
    body = reply.get_json()
    assert reply.status_code == 201
    assert [file["state"] for file in body["files"]] == ["accepted"] + ["refused"] * 3
    assert [file.get("code") for file in body["files"][1:]] == [
        "unsupported_type",
        "empty_file",
        "file_too_big",
    ]
    assert body["limits"] == {"max_files": 5, "max_bytes": 2_000_000, "max_append": None}


def test_files_are_taken_in_their_order_until_the_batch_is_full(web: FlaskClient) -> None:
    body = announce(web, *((f"{n}.jpg", 10) for n in range(7))).get_json()
    assert [file["state"] for file in body["files"]] == ["accepted"] * 5 + ["refused"] * 2
    assert {file["code"] for file in body["files"][5:]} == {"batch_files"}
    assert body["files"][5]["detail"] == "Over 5 files: left for the next upload."


def test_what_is_left_for_the_next_batch_is_listed_and_in_no_receipt(
    web: FlaskClient, library: Library
) -> None:
    body = announce(web, ("x.txt", 3), *((f"{n}.jpg", 10) for n in range(7))).get_json()
    assert [receipt.code for receipt in library.receipts.of_batch(body["id"])] == [
        "unsupported_type"
    ]
    page = web.get(body["url"], headers={"Accept": "text/html"}).get_data(as_text=True)
    left = page[page.index("Left for the next upload, 2") :]
    assert "5.jpg" in left
    assert "6.jpg" in left
    assert "4.jpg" not in page


def test_room_is_held_at_once_and_given_back_when_a_file_is_cancelled(web: FlaskClient) -> None:
    body = announce(web, ("a.jpg", 1_500_000), ("b.jpg", 1_000_000)).get_json()
    assert [file["state"] for file in body["files"]] == ["accepted", "refused"]
    assert web.delete(body["files"][0]["url"]).status_code == 204
    assert web.head(body["files"][0]["url"]).status_code == 410


def test_not_one_file_accepted_is_422_with_the_same_body(web: FlaskClient) -> None:
    reply = announce(web, ("b.txt", 10))
    assert reply.status_code == 422
    assert reply.get_json()["files"][0]["code"] == "unsupported_type"


def test_the_same_idempotency_key_opens_one_batch(web: FlaskClient) -> None:
    first, second = (announce(web, ("a.jpg", 10), Idempotency_Key="k").get_json() for _ in "ab")
    assert first == second


@pytest.mark.parametrize(
    "body",
    [
        "no json",
        "[]",
        '{"files":[]}',
        '{"files":[{"name":"a.jpg"}]}',
        '{"files":[{"name":1,"size":1}]}',
        '{"files":[{"name":"a.jpg","size":-1}]}',
        '{"files":[{"name":"a.jpg","size":true}]}',
        '{"files":["a.jpg"]}',
    ],
)
def test_a_list_that_cannot_be_read_is_a_problem_of_the_protocol(
    body: str, web: FlaskClient
) -> None:
    reply = web.post("/api/v1/batches", data=body, content_type="application/json")
    assert reply.status_code == 400
    assert reply.mimetype == "application/problem+json"


# ---- sending --------------------------------------------------------------------------------


def test_the_last_byte_files_the_upload_and_answers_with_its_receipt(web: FlaskClient) -> None:
    url = url_of(web)
    first = patch(web, url, 0, PHOTO[:100_000])
    assert (first.status_code, first.headers["Upload-Offset"]) == (204, "100000")
    last = patch(web, url, 100_000, PHOTO[100_000:])
    assert last.status_code == 200
    assert last.get_json()["receipt"]["path"] == "images/2024/05/17/IMG_1.jpg"
    assert last.headers["Upload-Offset"] == "300000"


def test_a_cut_part_is_kept_to_the_byte_and_never_filed(web: FlaskClient, library: Library) -> None:
    url = url_of(web)
    cut = patch(web, url, 0, PHOTO[:123_457], announced=len(PHOTO))
    assert cut.status_code == 400
    assert cut.get_json()["code"] == "cut_short"
    assert cut.headers["Upload-Offset"] == "123457"
    assert offset_of(web, url) == 123_457
    assert library.browse.total() == 0
    assert patch(web, url, 123_457, PHOTO[123_457:]).status_code == 200


def test_an_upload_that_broke_off_ten_times_at_random_is_identical(
    web: FlaskClient, library: Library
) -> None:
    url, chance = url_of(web), random.Random(7)
    cuts = sorted(chance.sample(range(1, len(PHOTO)), 10))
    for cut in cuts:
        at = offset_of(web, url)
        assert patch(web, url, at, PHOTO[at:cut], announced=len(PHOTO) - at).status_code == 400
    at = offset_of(web, url)
    receipt = patch(web, url, at, PHOTO[at:]).get_json()["receipt"]
    assert at == cuts[-1]
    assert receipt["sha256"] == hashlib.sha256(PHOTO).hexdigest()
    stored = (library.store.root / receipt["path"]).read_bytes()
    assert stored == PHOTO


def test_a_wrong_offset_is_answered_with_the_true_one(web: FlaskClient) -> None:
    url = url_of(web)
    patch(web, url, 0, PHOTO[:1000])
    reply = patch(web, url, 500, PHOTO[500:])
    assert reply.status_code == 409
    assert reply.headers["Upload-Offset"] == "1000"
    assert reply.get_json()["code"] == "offset_mismatch"
    assert offset_of(web, url) == 1000


def test_more_bytes_than_announced_are_refused_unread_and_the_part_stays(web: FlaskClient) -> None:
    url = url_of(web)
    patch(web, url, 0, PHOTO[:1000])
    reply = patch(web, url, 1000, PHOTO)
    assert reply.status_code == 413
    assert reply.get_json()["code"] == "file_too_big"
    assert offset_of(web, url) == 1000
    assert patch(web, url, 1000, PHOTO[1000:]).status_code == 200


def test_an_upload_goes_on_after_the_server_was_started_anew(
    web: FlaskClient, library: Library, workers: Workers
) -> None:
    url = url_of(web)
    patch(web, url, 0, PHOTO[:200_000], announced=len(PHOTO))
    settings = library.settings
    library.close()
    again = Library(settings, workers=workers)
    again.start()
    try:
        client = browser(again)
        assert offset_of(client, url) == 200_000
        receipt = patch(client, url, 200_000, PHOTO[200_000:]).get_json()["receipt"]
        assert (again.store.root / receipt["path"]).read_bytes() == PHOTO
    finally:
        again.close()


def test_bytes_that_are_no_picture_are_refused_at_the_end(
    web: FlaskClient, library: Library
) -> None:
    url = url_of(web, body=b"text" * 10)
    reply = patch(web, url, 0, b"text" * 10)
    assert reply.status_code == 415
    assert reply.get_json()["code"] == "unsupported_type"
    assert web.get(url).get_json()["state"] == "refused"
    assert library.store.staging.names() == []


def test_a_second_sender_has_to_wait_until_the_first_was_quiet_for_a_while(
    web: FlaskClient, library: Library
) -> None:
    url = url_of(web)
    upload_id = url.rpartition("/")[2]
    now = [0.0]
    library.uploads._monotonic = lambda: now[0]
    with library.uploads.receiving(upload_id, 0) as first:
        first.write(memoryview(PHOTO[:1000]))
        assert patch(web, url, 0, PHOTO).status_code == 423
        now[0] += QUIET_SECONDS + 1
        assert patch(web, url, 1000, PHOTO[1000:]).status_code == 200


def test_a_sender_who_missed_the_last_answer_is_told_it_again(web: FlaskClient) -> None:
    url = url_of(web)
    first = patch(web, url, 0, PHOTO).get_json()["receipt"]
    assert offset_of(web, url) == len(PHOTO)
    again = patch(web, url, len(PHOTO), b"")
    assert (again.status_code, again.get_json()["receipt"]) == (200, first)
    restarted = patch(web, url, 0, PHOTO)
    assert (restarted.status_code, restarted.headers["Upload-Offset"]) == (409, "300000")


def test_a_sender_who_missed_a_refusal_is_told_it_again(web: FlaskClient) -> None:
    url = url_of(web, body=b"text" * 10)
    first = patch(web, url, 0, b"text" * 10)
    again = patch(web, url, 0, b"text" * 10)
    assert (again.status_code, again.get_json()) == (415, first.get_json())


def test_a_busy_server_refuses_no_file_and_says_when_to_come_again(
    web: FlaskClient, library: Library
) -> None:
    url = url_of(web)
    library.foundation.locks._wait = library._processes._wait = 1.0
    theirs = ProcessLocks(library._processes._path)
    try:
        with theirs.holding(("pair", stem_key("IMG_1.jpg"))):
            busy = patch(web, url, 0, PHOTO)
    finally:
        theirs.close()
    assert (busy.status_code, busy.get_json()["code"]) == (429, "busy")
    assert busy.headers["Retry-After"] == "1"
    assert int(busy.headers["Upload-Offset"]) == offset_of(web, url) < len(PHOTO)
    assert web.get(url).get_json()["state"] == "accepted"
    again = patch(web, url, offset_of(web, url), PHOTO[offset_of(web, url) :])
    assert (again.status_code, again.get_json()["state"]) == (200, "filed")
    batch = web.get(f"/api/v1/batches/{url.split('/')[4]}").get_json()
    assert [file["state"] for file in batch["files"]] == ["filed"]


def test_a_wrong_version_of_tus_and_a_wrong_type_are_told_what_is_spoken(web: FlaskClient) -> None:
    url = url_of(web)
    assert patch(web, url, 0, PHOTO, Tus_Resumable="0.2.2").headers["Tus-Version"] == "1.0.0"
    assert web.patch(url, data=b"x", headers={"Upload-Offset": "0"}).status_code == 415
    assert patch(web, url, 0, PHOTO, Upload_Offset="-1").status_code == 400
    assert web.options(url).headers["Tus-Version"] == "1.0.0"


def test_nobody_reaches_an_upload_through_another_batch(web: FlaskClient) -> None:
    url = url_of(web)
    other = announce(web, ("b.jpg", 10)).get_json()["id"]
    assert web.head(f"/api/v1/batches/{other}/files/{url.rpartition('/')[2]}").status_code == 404


# ---- checking, finishing, taking back -------------------------------------------------------


def test_a_file_of_a_known_size_is_asked_for_its_hash_and_need_not_be_sent(
    web: FlaskClient, library: Library
) -> None:
    patch(web, url_of(web), 0, PHOTO)
    body = announce(web, ("copy.jpg", len(PHOTO))).get_json()
    [file] = body["files"]
    assert (file["state"], file["reason"]) == ("check", "size_known")
    asked = {"files": [{"ref": "0", "sha256": hashlib.sha256(PHOTO).hexdigest()}]}
    [checked] = web.post(f"/api/v1/batches/{body['id']}/check", json=asked).get_json()["files"]
    assert checked["state"] == "duplicate"
    assert checked["receipt"]["path"] == "images/2024/05/17/IMG_1.jpg"
    assert library.batches.find(body["id"]).files == 0


def test_another_hash_lets_the_file_come(web: FlaskClient) -> None:
    patch(web, url_of(web), 0, PHOTO)
    body = announce(web, ("other.jpg", len(PHOTO))).get_json()
    asked = {"files": [{"ref": "0", "sha256": "0" * 64}]}
    [checked] = web.post(f"/api/v1/batches/{body['id']}/check", json=asked).get_json()["files"]
    assert checked["state"] == "accepted"
    other = media.photo(MAY, seed="other", size=len(PHOTO))
    assert patch(web, checked["url"], 0, other).get_json()["receipt"]["outcome"] == "filed"


def test_a_file_to_be_checked_may_be_sent_all_the_same(web: FlaskClient) -> None:
    patch(web, url_of(web), 0, PHOTO)
    reply = patch(web, url_of(web, "copy.jpg"), 0, PHOTO)
    assert reply.get_json()["receipt"]["outcome"] == "duplicate"


def test_who_only_knows_the_receipt_reads_and_no_more(web: FlaskClient, guest: FlaskClient) -> None:
    made = web.post("/api/v1/batches", json={"files": [{"name": "a.jpg", "size": 100}]}).get_json()
    seen = guest.get(f"/api/v1/batches/{made['id']}").get_json()
    assert "url" not in seen["files"][0]
    for method, end in (("DELETE", ""), ("POST", "/finish"), ("POST", "/check")):
        reply = guest.open(f"/api/v1/batches/{made['id']}{end}", method=method, json={"files": []})
        assert reply.status_code == 403, end
    assert web.get(f"/api/v1/batches/{made['id']}").get_json()["closed_at"] is None


@pytest.mark.parametrize("odd", [{"size": 2**80}, {"name": "\ud800.jpg"}, {"path": "\ud800/a.jpg"}])
def test_one_odd_entry_of_a_list_ends_no_other(web: FlaskClient, odd: dict[str, object]) -> None:
    files = [{"name": "a.jpg", "size": 100}, {"name": "b.jpg", "size": 100} | odd]
    reply = web.post(
        "/api/v1/batches", data=json.dumps({"files": files}), content_type="application/json"
    )
    assert reply.status_code == 201
    assert reply.get_json()["files"][0]["state"] == "accepted"


def test_finish_closes_the_batch_and_tells_its_receipt(web: FlaskClient, library: Library) -> None:
    url = url_of(web)
    batch = url.split("/")[4]
    patch(web, url, 0, PHOTO)
    body = web.post(f"/api/v1/batches/{batch}/finish").get_json()
    assert [receipt["outcome"] for receipt in body["receipts"]] == ["filed"]
    assert body["closed_at"].endswith("Z")
    assert library.batches.find(batch).closed is not None


def test_a_batch_that_is_cancelled_leaves_nothing_in_staging(
    web: FlaskClient, library: Library
) -> None:
    url = url_of(web)
    patch(web, url, 0, PHOTO[:1000])
    assert len(library.store.staging.names()) == 1
    assert web.delete(f"/api/v1/batches/{url.split('/')[4]}").status_code == 204
    assert library.store.staging.names() == []
    assert patch(web, url, 1000, PHOTO[1000:]).status_code == 410


def test_undo_takes_the_items_back(web: FlaskClient, library: Library) -> None:
    url = url_of(web)
    patch(web, url, 0, PHOTO)
    body = web.post(f"/api/v1/batches/{url.split('/')[4]}/undo").get_json()
    assert body["undone_at"] is not None
    assert library.browse.total() == 0


def test_a_live_photo_sent_as_two_files_is_a_pair(web: FlaskClient) -> None:
    film = media.film(None, fmt="mov")
    body = announce(web, ("IMG_7.jpg", len(PHOTO)), ("IMG_7.mov", len(film))).get_json()
    patch(web, body["files"][0]["url"], 0, PHOTO)
    receipt = patch(web, body["files"][1]["url"], 0, film).get_json()["receipt"]
    assert receipt["path"] == "images/2024/05/17/IMG_7.mov"


def test_a_companion_file_is_kept_beside_its_picture_and_counts_for_nothing(
    web: FlaskClient, library: Library
) -> None:
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"
    body = announce(web, ("IMG_1.jpg", len(PHOTO)), ("IMG_1.xmp", len(xmp))).get_json()
    patch(web, body["files"][0]["url"], 0, PHOTO)
    reply = patch(web, body["files"][1]["url"], 0, xmp)
    assert reply.status_code == 200, reply.get_data(as_text=True)
    assert (library.store.root / "images/2024/05/17/IMG_1.xmp").read_bytes() == xmp
    assert library.batches.find(body["id"]).files == 1


# ---- items ----------------------------------------------------------------------------------


def test_items_come_in_pages_with_an_opaque_cursor(web: FlaskClient) -> None:
    for number in range(3):
        body = media.photo(MAY, seed=str(number))
        patch(web, url_of(web, f"{number}.jpg", body), 0, body)
    seen: list[str] = []
    address = "/api/v1/items?limit=2"
    while address:
        reply = web.get(address)
        seen += [item["name"] for item in reply.get_json()["items"]]
        link = reply.headers.get("Link", "")
        address = link.partition(">")[0].removeprefix("<")
    assert sorted(seen) == ["0.jpg", "1.jpg", "2.jpg"]
    assert web.get("/api/v1/items?cursor=nonsense").status_code == 400


def test_an_item_tells_all_its_dates(web: FlaskClient) -> None:
    patch(web, url_of(web), 0, PHOTO)
    [item] = web.get("/api/v1/items").get_json()["items"]
    found = web.get(f"/api/v1/items/{item['id']}")
    assert found.get_json()["candidates"][0]["source"] == "exif_original"
    tag = {"If-None-Match": found.headers["ETag"]}
    assert web.get(f"/api/v1/items/{item['id']}", headers=tag).status_code == 304
