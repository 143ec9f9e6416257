"""The gallery in a real browser: the viewer, the selection, the timeline at its size."""

import io
import json
import os
import shutil
import sqlite3
import urllib.request
import zipfile

import pytest

from tests import media
from tests.browser.conftest import MAY, wait_for
from tests.browser.test_accessibility import findings, send

DAY = "/images/2024/05/17/"


@pytest.fixture
def day(site) -> None:
    files = {f"{n}.jpg": media.photo(MAY, seed=str(n), edges=(600, 400)) for n in range(4)}
    send(site, **files, **{"clip.mp4": media.film()})


def test_a_click_opens_the_viewer_and_the_keyboard_leads_through_it(open_page, day: None) -> None:
    page = open_page(DAY)
    page.click(".tile > a >> nth=1")
    page.wait_for_selector(".pswp--open .pswp__img")
    assert page.inner_text(".pswp__counter") == "2 / 4"
    page.wait_for_timeout(600)  # keys are taken when it has opened
    page.keyboard.press("ArrowRight")
    wait_for(lambda: page.inner_text(".pswp__counter") == "3 / 4")
    third = page.get_attribute(".tile:nth-child(3) > a", "data-path")
    assert page.get_attribute(".pswp__bar-link[download]", "href") == third
    page.keyboard.press("Escape")
    page.wait_for_selector(".pswp", state="detached")


def test_a_film_plays_in_the_viewer_from_the_original(open_page, day: None) -> None:
    page = open_page("/videos/2024/05/17/")
    page.click(".tile > a")
    video = page.wait_for_selector(".pswp video")
    assert video.get_attribute("src") == "/videos/2024/05/17/clip.mp4"
    status = page.evaluate(
        "address => fetch(address, {headers: {Range: 'bytes=0-9'}}).then(r => r.status)",
        video.get_attribute("src"),
    )
    assert status == 206


def test_a_selection_is_downloaded_as_a_zip_of_the_originals(open_page, site, day: None) -> None:
    page = open_page(DAY)
    boxes = page.locator(".pick input")
    boxes.nth(0).check(force=True)
    boxes.nth(2).click(modifiers=["Shift"], force=True)
    assert page.inner_text("[data-picked]") == "3 selected"
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as zip").click()
    with zipfile.ZipFile(io.BytesIO(open(download.value.path(), "rb").read())) as packed:  # noqa: PTH123
        assert (
            packed.read("images/2024/05/17/1.jpg") == (site.store / DAY[1:] / "1.jpg").read_bytes()
        )
        assert len(packed.namelist()) == 3


def test_a_picture_with_a_script_in_its_tail_runs_nothing(open_page, site) -> None:
    evil = media.photo(MAY) + b"<script>document.title='run'</script>"
    send(site, **{"evil.jpg": evil})
    page = open_page(f"{DAY}evil.jpg")
    assert page.title() != "run"
    assert page.evaluate("document.images.length") == 1
    open_page.complaints.clear()  # the browser's own page around a picture breaks its policy


def test_the_owner_gives_a_date_and_the_item_leaves_the_queue(open_page, site) -> None:
    send(site, **{"plain.jpg": media.photo(None)})
    page = open_page("/no_date/")
    page.fill(".date-form input[type=date]", "2023-12-24")
    page.get_by_role("button", name="Set date").click()
    page.wait_for_load_state()
    page.goto(f"{site.url}/images/2023/12/24/")
    assert page.locator(".tile").count() == 1


def item_page(site) -> str:
    with urllib.request.urlopen(f"{site.url}/api/v1/items") as reply:
        return f"/i/{json.load(reply)['items'][0]['id']}"


def test_the_owner_is_asked_before_an_item_goes_to_the_trash_and_brings_it_back(
    open_page, site, axe: str
) -> None:
    send(site, **{"a.jpg": media.photo(MAY)})
    page = open_page(item_page(site))
    page.get_by_role("button", name="Move to trash").click()
    page.wait_for_selector(".swal2-popup")
    assert findings(page, axe) == []
    page.keyboard.press("Escape")
    page.wait_for_selector(".swal2-container", state="detached")
    assert (site.store / DAY[1:] / "a.jpg").exists()
    page.get_by_role("button", name="Move to trash").click()
    page.click(".swal2-confirm")
    page.wait_for_url("**/timeline")
    assert not (site.store / DAY[1:] / "a.jpg").exists()
    page.goto(f"{site.url}/admin")
    assert findings(page, axe) == []
    page.get_by_role("button", name="Restore").click()
    page.wait_for_url("**/i/*")
    assert (site.store / DAY[1:] / "a.jpg").exists()


def test_the_trash_works_without_a_script(open_page, site) -> None:
    send(site, **{"a.jpg": media.photo(MAY)})
    page = open_page(item_page(site), java_script_enabled=False)
    page.get_by_role("button", name="Move to trash").click()
    page.wait_for_url("**/timeline")
    assert not (site.store / DAY[1:] / "a.jpg").exists()


def grow(site, count: int, years: int) -> None:
    """A library of many items: rows as they are written, and a file for each."""
    send(site, **{"first.jpg": media.photo(MAY)})
    site.stop()
    catalogue = sqlite3.connect(site.store / ".daydrop" / "catalogue.sqlite")
    names = [row[1] for row in catalogue.execute("PRAGMA table_info(items)")]
    [first] = catalogue.execute("SELECT * FROM items").fetchall()
    plain = dict(zip(names, first, strict=True))
    source = site.store / plain["path"]
    rows, counts = [], {plain["taken"][:7]: 1}
    for number in range(count):
        year, month = 2025 - number % years, 1 + number // years % 12
        day = f"{year}-{month:02}-{1 + number // 240 % 28:02}"
        folder, name = f"images/{day.replace('-', '/')}", f"{number}.jpg"
        file = site.store / folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if number % 50_000 == 0:  # a file system allows so many links to one file
            shutil.copyfile(source, file)
            linked = file
        else:
            os.link(linked, file)
        item = plain | {"id": f"x{number}", "sha256": f"{number:064x}", "folder": folder}
        item |= {"path": f"{folder}/{name}", "path_fold": f"{folder}/{name}", "name": name}
        item |= {"taken": f"{day}T12:00:00", "day": day}
        rows.append(tuple(item[key] for key in names))
        counts[day[:7]] = counts.get(day[:7], 0) + 1
    marks = ",".join("?" * len(names))
    catalogue.executemany(f"INSERT INTO items VALUES ({marks})", rows)
    catalogue.execute("DELETE FROM months")
    months = [("images", month, number) for month, number in counts.items()]
    catalogue.executemany("INSERT INTO months VALUES (?, ?, ?)", months)
    catalogue.commit()
    catalogue.close()


LARGEST = """() => new Promise(done => {
    let last = 0;
    const note = list => { for (const each of list.getEntries()) last = each.startTime; };
    new PerformanceObserver(note).observe({type: 'largest-contentful-paint', buffered: true});
    setTimeout(() => done(last), 700);
})"""


def largest_paint(page) -> float:
    """Milliseconds until the largest part of the page was seen (LCP)."""
    return float(wait_for(lambda: page.evaluate(LARGEST), 10))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "years", "html", "nodes"), [(10_000, 6, 20_000, 3000), (100_000, 20, 50_000, 4500)]
)
def test_the_timeline_keeps_its_budget(
    count: int, years: int, html: int, nodes: int, open_page, site
) -> None:
    grow(site, count, years)
    site.start()
    with urllib.request.urlopen(f"{site.url}/timeline") as reply:
        assert len(reply.read()) <= html
    page = open_page("/timeline")
    wait_for(lambda: page.locator(".tile").count() > 20)
    assert page.evaluate("document.querySelectorAll('*').length") <= nodes
    page.click(".scrubber a >> text=2021")
    wait_for(lambda: page.locator("#m2021-12 .tile").count() > 10)
    wait_for(lambda: 0 <= page.locator("#m2021-12").bounding_box()["y"] <= 200)
    for _ in range(30):
        page.mouse.wheel(0, 3000)
        page.wait_for_timeout(30)
    assert page.evaluate("document.querySelectorAll('*').length") <= nodes


def test_the_home_page_is_painted_about_as_soon_as_a_bare_page(open_page, site, day: None) -> None:
    page = open_page()
    paints = {}
    for path in ("/", "/robots.txt", "/", "/timeline"):
        page.goto(f"{site.url}{path}")
        paints[path] = largest_paint(page)
    assert paints["/"] <= 5 * max(paints["/robots.txt"], 40)
    assert paints["/timeline"] <= 8 * max(paints["/robots.txt"], 40)


def gzipped(site, address: str) -> int:
    request = urllib.request.Request(f"{site.url}{address}", headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(request) as reply:
        return len(reply.read())


def loaded(page, kind: str) -> list[str]:
    names = page.evaluate("performance.getEntriesByType('resource').map(each => each.name)")
    return [name for name in names if name.endswith(f".{kind}")]


def test_the_pages_keep_their_budgets_of_bytes(open_page, site, day: None) -> None:
    page = open_page()
    page.wait_for_load_state("networkidle")
    weigh = lambda names: sum(gzipped(site, name.removeprefix(site.url)) for name in names)  # noqa: E731
    scripts = weigh(loaded(page, "js"))
    styles = weigh(loaded(page, "css"))
    [bootstrap] = [name for name in loaded(page, "css") if name.endswith("/bootstrap.min.css")]
    folder = bootstrap.removesuffix("bootstrap/bootstrap.min.css").removeprefix(site.url)
    dialogs = f"{folder}sweetalert2/sweetalert2.min"
    assert scripts <= 25_000
    assert scripts + gzipped(site, f"{dialogs}.js") <= 48_000
    assert styles + gzipped(site, f"{dialogs}.css") <= 40_000
    page.goto(f"{site.url}{DAY}")
    page.wait_for_load_state("networkidle")
    assert weigh(loaded(page, "js")) <= 10_000
