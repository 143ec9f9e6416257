"""The upload page with real files: chosen, dropped, cut, reloaded, refused."""

import json
import os
import time
import urllib.request
from pathlib import Path

from tests import media
from tests.browser.conftest import MAY, Site, wait_for

DAY = "images/2024/05/17"
DONE = ".swal2-icon-success"
BIG = 48 << 20


def filed(site: Site) -> dict[str, str]:
    """Path and hash of everything in the library."""
    with urllib.request.urlopen(f"{site.url}/api/v1/items?limit=500") as reply:
        return {item["path"]: item["sha256"] for item in json.load(reply)["items"]}


def text(page, selector: str) -> str:
    return page.inner_text(selector)


def upload_more(page) -> None:
    """Leaves the last dialog, and waits until it has faded."""
    page.click(".swal2-cancel")
    page.wait_for_selector(".swal2-container", state="detached")


def slow_down(page, bytes_a_second: int) -> object:
    """Throttles uploads as a phone's network does."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    throttle = {"offline": False, "latency": 0, "downloadThroughput": -1}
    session.send(
        "Network.emulateNetworkConditions", throttle | {"uploadThroughput": bytes_a_second}
    )
    return session


def sent(page) -> int:
    """Percent of the whole, as the title tells it."""
    title = page.title()
    return int(title[1 : title.index(" ")]) if title.startswith("(") else 0


def test_chosen_files_are_filed_and_the_dialog_says_where(open_page, site, photos) -> None:
    page = open_page()
    page.set_input_files("#files", photos(6))
    page.wait_for_selector(DONE)
    assert text(page, ".swal2-title") == "6 files uploaded and filed"
    assert text(page, ".swal2-html-container") == f"{DAY}: 6"
    page.click(".swal2-confirm")
    page.wait_for_url("**/b/*")
    assert "IMG_3.jpg" in text(page, "main")
    assert len(filed(site)) == 6


def test_upload_more_clears_the_form(open_page, photos) -> None:
    page = open_page()
    page.set_input_files("#files", photos(2))
    page.wait_for_selector(DONE)
    page.click(".swal2-cancel")
    page.wait_for_selector("#tray", state="hidden")
    assert text(page, "#meter-files-text") == "0 / 50 files"


def test_a_refused_file_is_named_with_its_reason_and_the_others_go_on(
    open_page, site, photos, tmp_path: Path
) -> None:
    note = tmp_path / "notes.txt"
    note.write_text("no picture")
    page = open_page()
    page.set_input_files("#files", [*photos(3), note])
    page.wait_for_selector(".swal2-icon-warning")
    assert "notes.txt was not accepted" in text(page, ".swal2-html-container")
    assert filed(site) == {}
    page.get_by_role("button", name="Upload the other 3").click()
    page.wait_for_selector(DONE)
    assert "Refused: 1" in text(page, ".swal2-html-container")
    assert len(filed(site)) == 3
    assert page.locator("#rows li").first.get_attribute("data-state") == "refused"


def test_going_back_sends_nothing(open_page, site, photos, tmp_path: Path) -> None:
    note = tmp_path / "notes.txt"
    note.write_text("no picture")
    page = open_page()
    page.set_input_files("#files", [*photos(2), note])
    page.get_by_role("button", name="Go back").click()
    page.wait_for_selector("li[data-state=cancelled]")
    assert filed(site) == {}


def test_a_folder_dropped_anywhere_is_walked_to_its_depth(open_page, site, tmp_path: Path) -> None:
    trip = tmp_path / "Trip"
    for number in range(130):  # a reader of folders gives 100 entries a time
        folder = trip / f"day{number % 3}"
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{number}.jpg" if number < 45 else f"{number}.txt"
        body = media.photo(MAY, seed=str(number)) if number < 45 else b"text"
        (folder / name).write_bytes(body)
    page = open_page()
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(trip)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": 900, "y": 700, "data": data})
    page.get_by_role("button", name="Upload the other 45").click()
    page.wait_for_selector(DONE)
    assert len(filed(site)) == 45
    assert "Trip/day0/0.jpg" in page.inner_text("#rows")


def test_a_picture_from_the_clipboard_gets_a_name_and_no_date(open_page, site) -> None:
    page = open_page()
    body = list(media.png(None))
    page.evaluate(
        """body => {
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(body)], "image.png", {type: "image/png"}));
        document.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true}));
    }""",
        body,
    )
    page.wait_for_selector(DONE)
    [path] = filed(site)
    assert path.startswith("no_date/pasted-")


def test_sixty_files_are_fifty_and_a_next_batch_of_ten(open_page, site, photos) -> None:
    page = open_page()
    page.set_input_files("#files", photos(60))
    page.wait_for_selector(DONE, timeout=60_000)
    assert "Left for the next batch: 10" in text(page, ".swal2-html-container")
    page.click(".swal2-cancel")
    page.get_by_role("button", name="Next batch (10 files)").click()
    page.wait_for_selector(DONE)
    assert len(filed(site)) == 60


def test_the_same_files_again_are_told_to_be_here(open_page, site, photos) -> None:
    files = photos(2)
    page = open_page()
    page.set_input_files("#files", files)
    page.wait_for_selector(DONE)
    upload_more(page)
    page.set_input_files("#files", files)
    page.wait_for_selector(DONE)
    assert "Already here: 2" in text(page, ".swal2-html-container")
    assert len(filed(site)) == 2


def test_a_network_that_was_away_comes_back_and_no_byte_is_lost(
    open_page, site, relay, photos
) -> None:
    [file] = photos(1, size=BIG)
    relay.bytes_a_second = 12 << 20
    page = open_page(root=f"http://127.0.0.1:{relay.port}")
    page.set_input_files("#files", file)
    for least in (15, 50):
        wait_for(lambda least=least: sent(page) > least)
        relay.cut()
        wait_for(lambda: "Connection lost" in text(page, "#status"))
        relay.mend()
    relay.bytes_a_second = 0
    page.wait_for_selector(DONE, timeout=60_000)
    [(path, _)] = filed(site).items()
    assert (site.store / path).read_bytes() == file.read_bytes()


def test_a_network_that_says_nothing_any_more_is_not_waited_for(
    open_page, site, relay, photos
) -> None:
    [file] = photos(1, size=BIG)
    relay.bytes_a_second = 12 << 20
    page = open_page(root=f"http://127.0.0.1:{relay.port}", stall=1500)
    page.set_input_files("#files", file)
    wait_for(lambda: sent(page) > 15)
    relay.is_silent = True
    page.wait_for_selector("li[data-state=waiting]")
    relay.is_silent = False
    relay.bytes_a_second = 0
    page.wait_for_selector(DONE, timeout=60_000)
    [(path, _)] = filed(site).items()
    assert (site.store / path).read_bytes() == file.read_bytes()


def test_a_server_killed_in_the_middle_is_waited_for(open_page, site, photos) -> None:
    [file] = photos(1, size=BIG)
    page = open_page()
    session = slow_down(page, 8 << 20)
    page.set_input_files("#files", file)
    wait_for(lambda: sent(page) > 40)
    site.kill()
    page.wait_for_selector("li[data-state=waiting]")
    session.detach()
    site.start()
    page.wait_for_selector(DONE, timeout=60_000)
    [(path, _)] = filed(site).items()
    assert (site.store / path).read_bytes() == file.read_bytes()


def test_after_a_reload_the_same_file_goes_on_where_it_was(open_page, site, photos) -> None:
    [file] = photos(1, size=BIG)
    page = open_page()
    session = slow_down(page, 8 << 20)
    page.set_input_files("#files", file)
    wait_for(lambda: sent(page) > 40)
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    session.detach()
    page.wait_for_selector("#unfinished:visible")
    assert "1 file of your last upload is unfinished" in text(page, "#unfinished")
    offsets = []
    page.on("request", lambda request: offsets.append(request.headers.get("upload-offset")))
    page.set_input_files("#files", file)
    page.wait_for_selector(DONE, timeout=60_000)
    first = next(int(offset) for offset in offsets if offset is not None)
    assert first > BIG // 5
    [(path, _)] = filed(site).items()
    assert (site.store / path).read_bytes() == file.read_bytes()


def test_after_a_reload_another_file_of_that_name_and_size_is_another_file(
    open_page, site, photos, tmp_path: Path
) -> None:
    [file] = photos(1, size=BIG)
    page = open_page()
    session = slow_down(page, 8 << 20)
    page.set_input_files("#files", file)
    wait_for(lambda: sent(page) > 40)
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    session.detach()
    page.wait_for_selector("#unfinished:visible")
    other = tmp_path / "other" / file.name
    other.parent.mkdir()
    other.write_bytes(media.photo(MAY, seed="another shot", size=BIG))
    os.utime(other, (1_700_000_000, 1_700_000_000))
    page.set_input_files("#files", other)
    page.wait_for_selector(DONE, timeout=60_000)
    [(path, _)] = filed(site).items()
    assert (site.store / path).read_bytes() == other.read_bytes()


def test_two_files_of_one_name_and_size_are_both_filed(open_page, site, tmp_path: Path) -> None:
    bodies = set()
    for folder in ("A", "B"):
        (tmp_path / "Trip" / folder).mkdir(parents=True)
        body = media.photo(MAY, seed=folder, size=4 << 20)
        bodies.add(body)
        (tmp_path / "Trip" / folder / "DSC_1.jpg").write_bytes(body)
    page = open_page()
    page.set_input_files("#folder", tmp_path / "Trip")
    page.wait_for_selector(DONE, timeout=60_000)
    assert {(site.store / path).read_bytes() for path in filed(site)} == bodies


def test_a_companion_sent_with_its_picture_ends_in_the_dialog(
    open_page, site, photos, tmp_path: Path
) -> None:
    [picture] = photos(1, size=2 << 20)
    companion = picture.with_suffix(".xmp")
    companion.write_text("<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
    page = open_page()
    page.set_input_files("#files", [companion, picture])
    page.wait_for_selector(DONE)
    page.click(".swal2-confirm")
    page.wait_for_url("**/b/*")
    assert "Kept beside its photo or video" in text(page, "main")


def test_litter_of_a_folder_is_left_out_without_a_question(open_page, site, tmp_path: Path) -> None:
    folder = tmp_path / "Trip"
    folder.mkdir()
    for name in (".DS_Store", "._a.jpg", "Thumbs.db", "desktop.ini"):
        (folder / name).write_bytes(b"litter")
    (folder / "a.jpg").write_bytes(media.photo(MAY))
    page = open_page()
    page.set_input_files("#folder", folder)
    page.wait_for_selector(DONE)
    assert list(filed(site)) == [f"{DAY}/a.jpg"]


def test_pause_stops_and_going_on_ends_it(open_page, site, photos) -> None:
    page = open_page()
    slow_down(page, 8 << 20)
    page.set_input_files("#files", photos(2, size=12 << 20))
    wait_for(lambda: sent(page) > 5)
    page.click("#pause")
    page.wait_for_selector("li[data-state=paused]")
    assert "Paused" in text(page, "#status")
    assert "Paused" in page.text_content("#live")
    assert filed(site) == {}
    page.click("#pause")
    page.wait_for_selector(DONE, timeout=60_000)
    assert len(filed(site)) == 2


def test_a_cancelled_file_leaves_nothing_and_the_rest_arrives(open_page, site, photos) -> None:
    page = open_page()
    slow_down(page, 4 << 20)
    page.set_input_files("#files", [*photos(1, size=30 << 20, prefix="BIG"), *photos(1)])
    page.get_by_role("button", name="Cancel BIG_0.jpg").click()
    page.wait_for_selector(DONE)
    assert list(filed(site)) == [f"{DAY}/IMG_0.jpg"]
    wait_for(lambda: not list((site.store / ".daydrop" / "staging").iterdir()))


def test_cancelling_all_asks_first(open_page, site, photos) -> None:
    page = open_page()
    slow_down(page, 1 << 20)
    page.set_input_files("#files", photos(1, size=20 << 20))
    wait_for(lambda: sent(page) > 0)
    page.click("#cancel")
    page.get_by_role("button", name="Cancel upload").click()
    page.wait_for_selector("li[data-state=cancelled]")
    assert text(page, "#status").startswith("Cancelled")
    assert filed(site) == {}


def test_it_works_on_a_plain_http_address_where_half_the_browser_is_missing(
    open_page, site, photos
) -> None:
    page = open_page(root=f"http://nas.test:{site.port}")
    assert page.evaluate("isSecureContext") is False
    page.set_input_files("#files", photos(3))
    page.wait_for_selector(DONE)
    upload_more(page)
    page.set_input_files("#files", photos(3))
    page.wait_for_selector(DONE)
    assert "Already here: 3" in text(page, ".swal2-html-container")
    assert len(filed(site)) == 3


def test_it_speaks_chinese_to_a_phone(open_page, photos, chromium) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
    page = open_page(locale="zh-CN", **phone)
    assert page.get_attribute("html", "lang") == "zh-CN"
    assert page.is_visible("label[for=camera]")
    page.set_input_files("#files", photos(1))
    page.wait_for_selector(DONE)
    assert text(page, ".swal2-title") == "1 个文件已上传并归档"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_without_a_script_the_form_ends_on_the_receipt(open_page, site, photos) -> None:
    page = open_page(java_script_enabled=False)
    page.set_input_files("#files", photos(2))
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/b/*")
    assert "2 files uploaded and filed" in page.inner_text("h1")
    page.goto(f"{site.url}/timeline")
    page.get_by_role("link", name="May 2024").click()
    assert page.locator(".tile").count() == 2


def test_all_goes_by_keyboard(open_page, photos) -> None:
    page = open_page()
    # Playwright takes its time to catch the dialog: it is told before the way there begins
    with page.expect_file_chooser() as chooser:
        for _ in range(20):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.id") == "files":
                break
        else:
            raise AssertionError("the file input cannot be reached by Tab")
        page.keyboard.press("Space")
    chooser.value.set_files(photos(1))
    page.wait_for_selector(DONE)
    page.keyboard.press("Enter")
    page.wait_for_url("**/b/*")


# ---- what fails for good, and two tabs ----------------------------------------------------------


def focused(page) -> str:
    """What the keyboard would go on from: tag and id, or label."""
    return page.evaluate(
        "(({tagName, id, ariaLabel}) => `${tagName} ${id || ariaLabel || ''}`)"
        "(document.activeElement)"
    )


def refuse_patches(page, name: str, status: int) -> None:
    """Answers every part of one file with this status, as a proxy in between would."""
    refused = set()

    def judge(route) -> None:
        reply = route.fetch()
        for file in reply.json().get("files", []):
            if file["name"] == name:
                refused.add(file["url"])
        route.fulfill(response=reply)

    def answer(route) -> None:
        is_refused = any(route.request.url.endswith(url) for url in refused)
        if route.request.method == "PATCH" and is_refused:
            route.fulfill(status=status, content_type="text/plain", body="no")
        else:
            route.continue_()

    page.route("**/api/v1/batches", judge)
    page.route("**/api/v1/batches/*/files/*", answer)


def until_given_up(page, files: list[Path]) -> None:
    """Sends files, and lets the hours of trying again pass until a person is asked."""
    page.clock.install()
    page.set_input_files("#files", files)
    for _ in range(40):
        if page.locator(".swal2-deny:visible").count():
            break
        page.clock.run_for(10_000)
        page.wait_for_timeout(100)
    page.clock.resume()


def test_a_file_that_fails_for_good_keeps_nobody_from_finishing(open_page, site, photos) -> None:
    page = open_page()
    refuse_patches(page, "IMG_1.jpg", 500)
    until_given_up(page, photos(3))
    assert text(page, ".swal2-title") == "2 uploaded, 1 not"
    assert "IMG_1.jpg" in text(page, ".swal2-html-container")
    page.get_by_role("button", name="Finish without these files").click()
    page.wait_for_selector(DONE)
    assert "Not uploaded: 1" in text(page, ".swal2-html-container")
    page.click(".swal2-confirm")
    page.wait_for_url("**/b/*")
    assert len(filed(site)) == 2


def test_what_failed_is_tried_again_from_the_dialog_or_from_the_dock(
    open_page, site, photos
) -> None:
    page = open_page()
    refuse_patches(page, "IMG_1.jpg", 403)  # no reason to wait: nothing gets better by itself
    page.set_input_files("#files", photos(2))
    page.wait_for_selector("li[data-state=refused]")
    page.wait_for_selector(DONE)
    upload_more(page)
    page.unroute_all()
    refuse_patches(page, "IMG_5.jpg", 500)
    until_given_up(page, photos(6)[5:])
    page.get_by_role("button", name="Decide later").click()
    page.wait_for_selector(".swal2-container", state="detached")
    assert page.is_visible("#enough")
    page.unroute_all()
    page.click("#retry")
    page.wait_for_selector(DONE)
    assert len(filed(site)) == 2


def test_a_busy_server_is_asked_again_when_it_said(open_page, site, photos) -> None:
    page = open_page()
    asked: list[float] = []

    def judge(route) -> None:
        asked.append(time.monotonic())
        busy = {"status": 429, "headers": {"Retry-After": "4"}, "json": {"detail": "busy"}}
        route.fulfill(**busy) if len(asked) == 1 else route.continue_()

    page.route("**/api/v1/batches", judge)
    page.set_input_files("#files", photos(1))
    page.wait_for_selector(DONE)
    assert asked[1] - asked[0] > 3.5, "later than the page would have asked by itself"
    assert len(filed(site)) == 1


def test_the_keyboard_goes_on_where_it_was(open_page, photos) -> None:
    page = open_page()
    session = slow_down(page, 1 << 20)
    page.set_input_files("#files", photos(3, size=6 << 20))
    wait_for(lambda: sent(page) > 0)
    page.get_by_role("button", name="Cancel IMG_0.jpg").press("Enter")
    assert focused(page) == "BUTTON Cancel IMG_1.jpg"
    page.focus("#cancel")
    page.keyboard.press("Enter")
    page.wait_for_selector(".swal2-popup")
    page.keyboard.press("Escape")
    page.wait_for_selector(".swal2-container", state="detached")
    wait_for(lambda: focused(page) == "BUTTON cancel")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Cancel upload").press("Enter")
    page.wait_for_selector(".swal2-container", state="detached")
    wait_for(lambda: focused(page) == "INPUT files")
    session.detach()


def test_without_the_dialogs_the_browser_asks_itself(open_page, site, photos, tmp_path) -> None:
    page = open_page()
    page.route("**/sweetalert2/**", lambda route: route.abort())
    asked = []

    def answer(dialog) -> None:
        asked.append(dialog.message)
        if len(asked) == 1:
            dialog.accept()
        else:
            dialog.dismiss()

    page.on("dialog", answer)
    (tmp_path / "notes.txt").write_text("words")
    page.set_input_files("#files", [*photos(2), tmp_path / "notes.txt"])
    for _ in range(100):
        page.wait_for_timeout(100)  # here the browser's questions are answered
        if len(asked) == 2:
            break
    assert len(filed(site)) == 2
    assert "1 file cannot be uploaded" in asked[0]
    assert "2 files uploaded and filed" in asked[1]


def test_each_tab_remembers_what_it_sends_itself(open_page, site, photos) -> None:
    [big] = photos(1, size=BIG, prefix="BIG")
    first = open_page()
    session = slow_down(first, 8 << 20)
    first.set_input_files("#files", big)
    wait_for(lambda: sent(first) > 40)
    second = first.context.new_page()
    second.goto(first.url)
    second.wait_for_timeout(1000)
    assert not second.is_visible("#unfinished")
    second.set_input_files("#files", photos(2))
    second.wait_for_selector(DONE, timeout=60_000)
    second.close()
    first.on("dialog", lambda dialog: dialog.accept())
    first.reload()
    session.detach()
    first.wait_for_selector("#unfinished:visible")
    first.set_input_files("#files", big)
    first.wait_for_selector(DONE, timeout=60_000)
    assert len(filed(site)) == 3
    assert (
        first.evaluate("Object.keys(localStorage).filter(k => k.startsWith('daydrop.batch'))") == []
    )


def test_files_that_come_while_an_upload_ends_are_the_next_one(open_page, site, photos) -> None:
    page = open_page()
    page.route("**/finish", lambda route: (page.wait_for_timeout(1500), route.continue_()))
    page.set_input_files("#files", photos(2))
    page.wait_for_selector("li[data-state=filed]")
    page.set_input_files("#files", photos(4)[2:])
    page.wait_for_selector(DONE)
    assert text(page, ".swal2-title") == "4 files uploaded and filed"
    assert len(filed(site)) == 4


# ---- between the list and the last byte ---------------------------------------------------------


def states(page) -> dict[str, str]:
    """The state of each row, by its file's name."""
    return page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('#rows li[data-state]')]"
        ".map(li => [li.querySelector('.name').title, li.dataset.state]))"
    )


def test_what_is_cancelled_while_the_server_is_away_is_not_sent_later(
    open_page, site, photos
) -> None:
    page = open_page()
    site.kill()
    page.set_input_files("#files", photos(2))
    page.wait_for_selector("li[data-state=checking]")
    page.set_input_files("#files", photos(3)[2:])
    for name in ("IMG_0.jpg", "IMG_1.jpg"):
        page.get_by_role("button", name=f"Cancel {name}").click()
    site.start()
    page.wait_for_selector(DONE, timeout=60_000)
    assert states(page) == {
        "IMG_0.jpg": "cancelled",
        "IMG_1.jpg": "cancelled",
        "IMG_2.jpg": "filed",
    }
    assert list(filed(site)) == [f"{DAY}/IMG_2.jpg"]


def test_what_is_cancelled_while_the_list_is_judged_is_not_sent(open_page, site, photos) -> None:
    page = open_page()
    page.route("**/batches", lambda route: (page.wait_for_timeout(1000), route.continue_()))
    page.set_input_files("#files", photos(2))
    page.get_by_role("button", name="Cancel IMG_0.jpg").click()
    page.wait_for_selector(DONE)
    assert list(filed(site)) == [f"{DAY}/IMG_1.jpg"]


def test_after_a_reload_the_files_that_are_not_chosen_yet_keep_their_bytes(
    open_page, site, photos
) -> None:
    files = photos(2, size=24 << 20)
    page = open_page()
    session = slow_down(page, 8 << 20)
    page.set_input_files("#files", files)
    wait_for(lambda: sent(page) > 40)
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    session.detach()
    page.wait_for_selector("#unfinished:visible")
    page.set_input_files("#files", files[0])
    page.wait_for_selector(DONE, timeout=60_000)
    assert "1 file of your last upload is unfinished" in text(page, "#unfinished")
    upload_more(page)
    offsets = []
    page.on("request", lambda request: offsets.append(request.headers.get("upload-offset")))
    page.set_input_files("#files", files[1])
    page.wait_for_selector(DONE, timeout=60_000)
    assert next(int(offset) for offset in offsets if offset is not None) > 1 << 20
    assert len(filed(site)) == 2


def test_an_ended_batch_is_one_new_batch_for_all_that_is_left(open_page, site, photos) -> None:
    page = open_page()
    slow_down(page, 2 << 20)
    page.set_input_files("#files", photos(8, size=1 << 20))
    wait_for(lambda: sent(page) > 2)
    page.click("#pause")
    page.wait_for_selector("li[data-state=paused]")
    lists = []
    page.on("request", lambda request: lists.append(request) if request.method == "POST" else None)
    page.evaluate(
        "fetch('/api/v1/batches/' + Object.keys(localStorage)"
        ".find(key => key.startsWith('daydrop.batch.')).slice(14), {method: 'DELETE'})"
    )
    page.wait_for_timeout(500)
    page.click("#pause")
    page.wait_for_selector(DONE, timeout=60_000)
    assert sum(request.url.endswith("/batches") for request in lists) == 1
    assert len(filed(site)) == 8


def test_files_added_under_a_question_are_sent_after_its_answer(open_page, site, photos) -> None:
    page = open_page()
    refuse_patches(page, "IMG_1.jpg", 500)
    until_given_up(page, photos(2))
    page.set_input_files("#files", photos(4)[2:])
    assert states(page)["IMG_1.jpg"] == "failed"
    page.get_by_role("button", name="Decide later").click()
    wait_for(lambda: list(states(page).values()).count("filed") == 3)
    page.get_by_role("button", name="Finish without these files").first.click()
    page.wait_for_selector(DONE)
    assert len(filed(site)) == 3


def test_the_last_paused_row_that_is_cancelled_ends_the_pause(open_page, site, photos) -> None:
    page = open_page()
    slow_down(page, 4 << 20)
    page.set_input_files("#files", [*photos(1, size=40 << 20, prefix="BIG"), *photos(1)])
    page.wait_for_selector("li[data-state=filed]")
    page.click("#pause")
    page.get_by_role("button", name="Cancel BIG_0.jpg").click()
    page.wait_for_selector(DONE)
    assert list(filed(site)) == [f"{DAY}/IMG_0.jpg"]


def test_after_cancelling_the_receipt_of_what_arrived_is_linked(open_page, site, photos) -> None:
    page = open_page()
    slow_down(page, 4 << 20)
    page.set_input_files("#files", [*photos(1, size=40 << 20, prefix="BIG"), *photos(1)])
    page.wait_for_selector("li[data-state=filed]")
    page.click("#cancel")
    page.get_by_role("button", name="Cancel upload").click()
    page.wait_for_selector("#receipt:visible")
    assert text(page, "#status") == "Cancelled. 1 file had already arrived and is kept."
    page.wait_for_selector(".swal2-container", state="detached")
    page.click("#receipt")
    page.wait_for_url("**/b/*")
    assert "IMG_0.jpg" in text(page, "main")
