"""Pages that work without a script: folders, items, receipts, connecting."""

import io
import json
import re
import zipfile
from datetime import datetime
from pathlib import Path, PurePosixPath

import pytest
from flask.testing import FlaskClient
from PIL import Image

from daydrop.browse import Query
from daydrop.filing.announcement import Announcement
from daydrop.library import Library
from daydrop.origin import origin_of
from tests import media
from tests.webui.conftest import Upload

PAGE = {"Accept": "text/html"}
FORM = "application/x-www-form-urlencoded"
MAY = datetime(2024, 5, 17, 12, 0)  # noqa: DTZ001
JUNE = datetime(2024, 6, 2, 9, 30)  # noqa: DTZ001


def text_of(web: FlaskClient, address: str) -> str:
    reply = web.get(address, headers=PAGE)
    assert reply.status_code == 200, address
    return reply.get_data(as_text=True)


@pytest.mark.parametrize(
    "address",
    ["/", "/Upload/", "/timeline", "/images/", "/videos/", "/no_date/", "/Receipts/", "/connect"],
)
def test_an_empty_library_has_all_its_pages(address: str, guest: FlaskClient) -> None:
    assert "<h1" in text_of(guest, address)


@pytest.mark.parametrize(
    ("address", "title"),
    [("/images/", "Photos"), ("/videos/", "Videos"), ("/no_date/", "Without a date")],
)
def test_each_tree_has_its_title_its_tab_and_its_search(
    address: str, title: str, web: FlaskClient, upload: Upload
) -> None:
    upload(a__jpg=media.photo(MAY), b__jpg=media.photo(None))
    shown = text_of(web, address)
    assert f"<title>{title}" in shown
    assert f'<a href="{address}" aria-current="page">{title}</a>' in shown
    assert f'action="{address}"' in shown


def test_a_folder_of_an_odd_name_is_reached_by_its_links(
    web: FlaskClient, library: Library, upload: Upload
) -> None:
    upload(a__jpg=media.photo(MAY))
    odd = library.store.tree.path(PurePosixPath("images/50 % off? #1"))
    odd.mkdir()
    (odd / "b.jpg").write_bytes(media.photo(JUNE))
    library.recovery.run()
    found = next(item for item in library.browse.search(Query()).items if item.name == "b.jpg")
    crumb = 'href="/images/50%20%25%20off%3F%20%231/"'
    assert crumb in text_of(web, f"/i/{found.id}")
    assert "b.jpg" in text_of(web, "/images/50%20%25%20off%3F%20%231/")


def test_a_download_of_nothing_is_said_on_a_page(web: FlaskClient) -> None:
    reply = web.post("/api/v1/zip", data={}, headers=PAGE | {"Content-Type": FORM})
    assert reply.status_code == 400
    assert "Nothing is selected" in reply.get_data(as_text=True)
    assert reply.content_type.startswith("text/html")
    told = web.post("/api/v1/zip", json={"items": []})
    assert (told.status_code, told.content_type) == (400, "application/problem+json")


def test_what_no_browser_shows_is_drawn_for_a_whole_screen(
    web: FlaskClient, library: Library, upload: Upload
) -> None:
    upload(a__heic=media.heic(MAY, edges=(3000, 2000)))
    [item] = library.browse.search(Query()).items
    large = f"/t/{item.sha256}-2048.webp"
    assert large in text_of(web, f"/i/{item.id}")
    with Image.open(io.BytesIO(web.get(large).data)) as picture:
        assert picture.size == (2048, 1365)
    folder = library.store.state / "previews" / item.sha256[:2]
    assert {file.name.rpartition("-")[2] for file in folder.iterdir()} >= {"2048.webp"}


def test_a_day_lists_its_items_and_leads_to_the_days_beside_it(
    web: FlaskClient, upload: Upload
) -> None:
    upload(a__jpg=media.photo(MAY), b__jpg=media.photo(JUNE))
    day = text_of(web, "/images/2024/05/17/")
    assert 'alt="a.jpg, 17 May 2024"' in day
    assert 'href="/images/2024/06/02/"' in day
    assert 'href="/images/2024/05/"' in day
    assert "b.jpg" not in day


def test_a_year_counts_what_lies_below(web: FlaskClient, upload: Upload) -> None:
    upload(a__jpg=media.photo(MAY), b__jpg=media.photo(JUNE))
    year = text_of(web, "/images/2024/")
    assert "June" in year
    assert "2 items" in year


def test_a_folder_without_its_slash_is_led_to_it(web: FlaskClient, upload: Upload) -> None:
    upload(a__jpg=media.photo(MAY))
    assert web.get("/images/2024").headers["Location"] == "/images/2024/"
    assert web.get("/images").headers["Location"].endswith("/images/")


def test_what_is_not_there_is_a_page_for_people_and_json_for_programs(web: FlaskClient) -> None:
    assert "There is nothing" in web.get("/images/1999/", headers=PAGE).get_data(as_text=True)
    reply = web.get("/images/1999/")
    assert reply.status_code == 404
    assert reply.mimetype == "application/problem+json"


def test_the_timeline_is_a_skeleton_and_its_parts_are_fragments(
    web: FlaskClient, upload: Upload
) -> None:
    upload(a__jpg=media.photo(MAY), c__mp4=media.film())
    skeleton = text_of(web, "/timeline")
    assert 'data-n="2" id="m2024-05"' in skeleton
    assert "a.jpg" not in skeleton
    fragment = web.get("/timeline?part=2024-05", headers={"X-Fragment": "1"}).get_data(as_text=True)
    assert "a.jpg" in fragment
    assert "<html" not in fragment
    assert "c.mp4" not in text_of(web, "/images/?part=2024-05")


def test_an_item_says_when_it_was_taken_why_and_which_dates_lost(
    web: FlaskClient, upload: Upload
) -> None:
    upload(IMG_20240101_120000__jpg=media.photo(MAY))
    [item] = web.get("/api/v1/items").get_json()["items"]
    page = text_of(web, f"/i/{item['id']}")
    assert "17 May 2024, 12:00" in page
    assert "Based on the capture date in the photo." in page
    assert "<li>the date in its name says 2024-01-01" in page
    assert "not used, another day; a more reliable source was used." in page
    assert item["sha256"] in page
    assert "http://localhost/images/2024/05/17/IMG_20240101_120000.jpg" in page


def test_a_receipt_tells_every_date_of_a_file_that_has_more_than_one(
    web: FlaskClient, upload: Upload
) -> None:
    two = upload(IMG_20240101_120000__jpg=media.photo(MAY))
    page = text_of(web, f"/b/{two}")
    assert "Why this day?" in page
    assert "<li>the capture date in the photo says 2024-05-17 12:00:00: chosen" in page
    assert "<li>the date in its name says 2024-01-01" in page
    chinese = text_of(web, f"/b/{two}?lang=zh-CN")
    assert "为什么是这一天" in chinese
    assert "日期不同；采用了更可靠的来源" in chinese


def test_a_receipt_tells_why_the_only_date_of_a_file_was_not_believed(
    web: FlaskClient, upload: Upload
) -> None:
    future = datetime(2099, 1, 1, 12, 0)  # noqa: DTZ001
    page = text_of(web, f"/b/{upload(a__jpg=media.photo(future))}")
    assert "Why this day?" in page
    assert "rejected, in the future" in page


def test_a_receipt_adds_nothing_where_its_sentence_says_it_all(
    web: FlaskClient, upload: Upload
) -> None:
    batch = upload(a__jpg=media.photo(MAY), b__jpg=media.photo(None))
    assert "Why this day?" not in text_of(web, f"/b/{batch}")


def test_the_owner_sets_a_date_and_the_item_moves_there(
    web: FlaskClient, guest: FlaskClient, upload: Upload
) -> None:
    upload(plain__jpg=media.photo(None))
    [item] = web.get("/api/v1/items").get_json()["items"]
    form = {"date": "2023-12-24"}
    assert guest.post(f"/i/{item['id']}/date", data=form).status_code == 403
    assert web.post(f"/i/{item['id']}/date", data=form).status_code == 303
    assert "plain.jpg" in text_of(web, "/images/2023/12/24/")
    assert "the date set by the owner" in text_of(web, f"/i/{item['id']}").lower()


def test_search_finds_by_name_day_and_kind(web: FlaskClient, upload: Upload) -> None:
    upload(Beach__jpg=media.photo(MAY), b__jpg=media.photo(JUNE), c__mp4=media.film())
    assert "Beach.jpg" in text_of(web, "/timeline?q=beach")
    assert "1 found" in text_of(web, "/timeline?from=2024-06-01&to=2024-06-30")
    assert "1 found" in text_of(web, "/timeline?kind=video")
    assert "Nothing matches" in text_of(web, "/timeline?q=%25")


def test_a_preview_is_a_small_webp_without_metadata_and_may_be_kept(
    web: FlaskClient, upload: Upload
) -> None:
    upload(a__jpg=media.photo(MAY, edges=(800, 400)))
    [item] = web.get("/api/v1/items").get_json()["items"]
    reply = web.get(item["preview"])
    assert reply.mimetype == "image/webp"
    assert b"Exif" not in reply.data
    assert "immutable" in reply.headers["Cache-Control"]
    again = web.get(item["preview"], headers={"If-None-Match": reply.headers["ETag"]})
    assert again.status_code == 304


def test_a_selection_is_a_zip_whose_size_was_known_before(web: FlaskClient, upload: Upload) -> None:
    photo = media.photo(MAY)
    upload(a__jpg=photo, b__jpg=media.photo(JUNE))
    ids = [each["id"] for each in web.get("/api/v1/items").get_json()["items"]]
    reply = web.post("/api/v1/zip", data={"item": ids})
    assert int(reply.headers["Content-Length"]) == len(reply.data)
    with zipfile.ZipFile(io.BytesIO(reply.data)) as packed:
        assert packed.read("images/2024/05/17/a.jpg") == photo
        assert len(packed.namelist()) == 2


def test_a_file_in_a_zip_has_the_time_that_it_has_here(
    web: FlaskClient, library: Library, upload: Upload
) -> None:
    upload(a__jpg=media.photo(MAY))
    [item] = web.get("/api/v1/items").get_json()["items"]
    library.store.tree.set_modified(PurePosixPath(item["path"]), MAY.timestamp())
    reply = web.post("/api/v1/zip", data={"item": item["id"]})
    with zipfile.ZipFile(io.BytesIO(reply.data)) as packed:
        [entry] = packed.infolist()
    assert datetime(*entry.date_time) == MAY  # noqa: DTZ001  a zip knows no zone


def test_a_zip_of_what_was_taken_away_by_hand_is_refused_before_it_begins(
    web: FlaskClient, library: Library, upload: Upload
) -> None:
    upload(a__jpg=media.photo(MAY))
    [item] = web.get("/api/v1/items").get_json()["items"]
    (library.store.root / item["path"]).unlink()
    assert web.post("/api/v1/zip", data={"item": item["id"]}).status_code == 404


def test_a_receipt_groups_by_folder_and_tells_duplicates_and_refusals(
    web: FlaskClient, upload: Upload
) -> None:
    photo = media.photo(MAY)
    upload(a__jpg=photo)
    batch = upload(
        again__jpg=photo, plain__jpg=media.photo(None), new__jpg=media.photo(JUNE), x__txt=b"text"
    )
    page = text_of(web, f"/b/{batch}")
    assert "Already here as images/2024/05/17/a.jpg" in page
    assert "Refused, 1" in page
    assert "These files have no reliable capture date" in page
    assert page.index("images/2024/06/02</a>") < page.index("no_date</a>")
    table = web.get(f"/b/{batch}.csv").get_data(as_text=True)
    assert table.count("\r\n") == 5


def test_the_name_of_a_deleted_file_says_so_to_a_browser(
    web: FlaskClient, library: Library
) -> None:
    owner = origin_of("127.0.0.1")
    body = media.photo(MAY)
    sent = Announcement("gone.jpg", owner, size=len(body), alias="gone.jpg")
    with library.door.begin(sent) as incoming:
        incoming.write(body)
        receipt = incoming.commit()
    library.trash.put(library.browse.item(receipt.item_id).item)
    reply = web.get("/Upload/gone.jpg", headers=PAGE)
    assert reply.status_code == 410
    assert "has deleted this file" in reply.get_data(as_text=True)
    assert web.get("/Upload/never.jpg", headers=PAGE).status_code == 404


@pytest.mark.parametrize("day", ["0024-05-17", "1825-12-31", "2999-01-01", "9999-12-31"])
def test_a_year_that_no_picture_can_be_from_is_not_taken(
    web: FlaskClient, library: Library, upload: Upload, day: str
) -> None:
    upload(plain__jpg=media.photo(None))
    (item,) = library.browse.folder(PurePosixPath("no_date")).items
    assert web.post(f"/i/{item.id}/date", data={"date": day}).status_code == 400
    assert library.browse.undated_count() == 1


@pytest.mark.parametrize(
    "address",
    [
        "/timeline?q=a&cursor=MQ==",
        "/timeline?part=2024-05.\u00b2",
        f"/timeline?part=2024-05.{'9' * 30}",
    ],
)
def test_an_odd_address_is_no_fault_of_ours(web: FlaskClient, address: str) -> None:
    assert web.get(address, headers=PAGE).status_code in (400, 404)


def test_a_companion_that_waits_is_told_apart_and_leads_nowhere(
    web: FlaskClient, upload: Upload
) -> None:
    page = text_of(web, f"/b/{upload(SF__xmp=b'<x:xmpmeta/>')}")
    assert "Waiting for their photos or videos, 1" in page
    assert 'href="/./"' not in page


def test_the_receipt_of_a_long_import_is_told_in_parts(
    web: FlaskClient, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webui.receipts.LINES", 2)
    batch = upload(
        a__jpg=media.photo(MAY), b__jpg=media.photo(JUNE), c__jpg=media.photo(None), x__txt=b"text"
    )
    first = text_of(web, f"/b/{batch}")
    assert "3 files uploaded and filed" in first
    assert "a.jpg</a>" in first
    assert "c.jpg" not in first
    following = re.search(r'href="(/b/[^"]+after=\d+)"', first)
    assert following is not None
    second = text_of(web, following[1])
    assert "3 files uploaded and filed" in second
    assert "c.jpg</a>" in second
    assert "Refused, 1" in second
    assert 'rel="next"' not in second
    assert "a.jpg" not in second


def test_a_name_that_a_spreadsheet_would_run_is_harmless(web: FlaskClient) -> None:
    data = {"f": (io.BytesIO(media.photo(MAY)), "=cmd.jpg")}
    batch = web.post("/upload", data=data).headers["Location"]
    assert "'=cmd.jpg" in web.get(f"{batch}.csv").get_data(as_text=True)


def test_undo_is_for_its_sender_and_moves_the_files_to_the_trash(
    web: FlaskClient, guest: FlaskClient, library: Library, upload: Upload
) -> None:
    batch = upload(a__jpg=media.photo(MAY))
    assert "Undo this upload" in text_of(web, f"/b/{batch}")
    assert "Undo this upload" not in text_of(guest, f"/b/{batch}")
    assert guest.post(f"/b/{batch}/undo").status_code == 403
    assert web.post(f"/b/{batch}/undo").status_code == 303
    assert library.browse.total() == 0
    assert "Undone" in text_of(web, f"/b/{batch}")
    again = web.post(f"/b/{batch}/undo")  # as a browser sends it whose answer was lost
    assert (again.status_code, library.browse.total()) == (303, 0)


def test_guests_see_their_own_receipts_and_the_owner_sees_all(
    web: FlaskClient, guest: FlaskClient, upload: Upload
) -> None:
    mine = upload(a__jpg=media.photo(MAY))
    theirs = upload(guest, b__jpg=media.photo(JUNE))
    assert f"/b/{mine}" not in text_of(guest, "/Receipts/")
    assert f"/b/{theirs}" in text_of(guest, "/Receipts/")
    assert f"/b/{theirs}" in text_of(web, "/Receipts/")


def test_names_are_shown_as_text_and_never_as_markup(web: FlaskClient) -> None:
    name = "<img src=x onerror=alert(1)>.jpg"
    batch = web.post("/upload", data={"f": (io.BytesIO(media.photo(MAY)), name)}).headers[
        "Location"
    ]
    assert "<img src=x" not in text_of(web, batch)
    assert "<img src=x" not in text_of(web, "/admin")


@pytest.mark.parametrize(
    ("agent", "system"),
    [
        ("(iPhone; CPU iPhone OS 17)", "ios"),
        ("(Windows NT 10.0)", "windows"),
        ("Android 14", "android"),
    ],
)
def test_the_steps_for_the_readers_own_system_stand_first_and_open(
    agent: str, system: str, web: FlaskClient
) -> None:
    reply = web.get("/connect", headers={**PAGE, "User-Agent": f"Mozilla/5.0 {agent}"})
    page = reply.get_data(as_text=True)
    assert page.index(f'id="{system}" open') < page.index(
        '<details class="system"', page.index(f'id="{system}"')
    )
    assert page.find('<details class="system"') == page.index(
        f'<details class="system" id="{system}"'
    )


def test_only_the_owner_sees_the_owners_page(web: FlaskClient, guest: FlaskClient) -> None:
    assert web.get("/admin").status_code == 200
    assert guest.get("/admin").status_code == 403


def test_the_owner_moves_an_item_to_the_trash_and_brings_it_back(
    web: FlaskClient, guest: FlaskClient, library: Library, upload: Upload
) -> None:
    upload(a__jpg=media.photo(MAY), b__jpg=media.photo(MAY, seed="b"))
    one, other = web.get("/api/v1/items").get_json()["items"]
    assert "Move to trash" not in text_of(guest, f"/i/{one['id']}")
    assert guest.post(f"/i/{one['id']}/trash").status_code == 403
    assert web.post(f"/i/{one['id']}/trash").headers["Location"] == "/images/2024/05/17/"
    assert web.get(f"/i/{one['id']}").status_code == 404
    assert web.post(f"/i/{one['id']}/trash").status_code == 404
    assert web.post(f"/i/{other['id']}/trash").headers["Location"] == "/timeline"
    assert library.browse.total() == 0
    admin = text_of(web, "/admin")
    assert f'action="/admin/trash/{one["id"]}/restore"' in admin
    back = f"/admin/trash/{one['id']}/restore"
    assert guest.post(back).status_code == 403
    assert web.post(back).headers["Location"] == f"/i/{one['id']}"
    assert one["name"] in text_of(web, "/images/2024/05/17/")
    assert web.post(back).status_code == 404


def test_a_receipt_leads_nowhere_for_what_is_no_longer_in_the_library(
    web: FlaskClient, upload: Upload
) -> None:
    batch = upload(a__jpg=media.photo(MAY), b__jpg=media.photo(MAY, seed="b"))
    one, other = (item["id"] for item in web.get("/api/v1/items").get_json()["items"])
    web.post(f"/i/{one}/trash")
    page = text_of(web, f"/b/{batch}")
    assert page.count("It is no longer in the library.") == 1
    assert f'href="/i/{one}"' not in page
    assert f'href="/i/{other}"' in page
    assert f'href="/i/{one}"' not in text_of(web, "/admin")


def test_what_is_stored_again_is_not_brought_back_twice(web: FlaskClient, upload: Upload) -> None:
    upload(a__jpg=media.photo(MAY))
    [item] = web.get("/api/v1/items").get_json()["items"]
    web.post(f"/i/{item['id']}/trash")
    upload(a__jpg=media.photo(MAY))
    reply = web.post(f"/admin/trash/{item['id']}/restore", headers=PAGE)
    assert reply.status_code == 410
    assert "uploaded again" in reply.get_data(as_text=True)


def test_the_owner_sees_which_files_have_no_preview_and_why(
    web: FlaskClient, library: Library, upload: Upload
) -> None:
    broken = media.photo(MAY, edges=(600, 400))
    upload(cut__jpg=broken[: broken.index(b"\xff\xda")] + b"\xff\xda\x00\x0c")
    [item] = web.get("/api/v1/items").get_json()["items"]
    web.get(item["preview"])
    assert [mark.sha256 for mark in library.previews.failed()] == [item["sha256"]]
    page = text_of(web, "/admin")
    assert "Without a preview" in page
    assert "no image that can be shown" in page
    [mark] = (library.store.state / "previews").glob("*/*.failed")
    mark.write_bytes(b"")  # as a power cut may leave it
    assert "no image that can be shown" in text_of(web, "/admin?lang=en")
    web.post(f"/i/{item['id']}/trash")
    assert "Without a preview" not in text_of(web, "/admin")


def test_machines_learn_of_health_and_numbers(web: FlaskClient, upload: Upload) -> None:
    upload(a__jpg=media.photo(MAY))
    assert web.get("/healthz").get_json()["status"] == "ok"
    assert "daydrop_items 1\n" in web.get("/metrics").get_data(as_text=True)
    manifest = json.loads(web.get("/manifest.webmanifest").data)
    assert manifest["share_target"]["action"] == "/upload"


def test_a_script_of_ours_may_be_kept_for_ever_and_goes_out_packed(web: FlaskClient) -> None:
    home = text_of(web, "/")
    address = home.split('<script src="')[1].split('"')[0]
    reply = web.get(address, headers={"Accept-Encoding": "gzip"})
    assert reply.headers["Content-Encoding"] == "gzip"
    assert "immutable" in reply.headers["Cache-Control"]
    assert web.get("/static/old/js/theme.js").headers["Cache-Control"] == "no-cache"
    assert web.get("/static/x/../app.py").status_code == 404


def test_no_template_holds_a_style_or_a_handler_that_the_policy_would_block() -> None:
    folder = Path(__file__).parents[2] / "webui" / "templates"
    for template in folder.glob("*.html"):
        text = template.read_text("utf-8")
        assert " style=" not in text, template.name
        assert " onclick=" not in text, template.name
        assert "<style" not in text, template.name
        assert "| safe" not in text, template.name
