"""axe finds nothing, on any page in any state, light and dark, wide and phone-sized."""

import urllib.request

import pytest

from tests import media
from tests.browser.conftest import MAY, ROOT, wait_for

WIDE = {"viewport": {"width": 1280, "height": 850}}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
AT_REST = """document.getAnimations().every(each =>
    each.playState !== 'running' || each.effect.getTiming().iterations === Infinity)"""
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PAGES = (
    "/",
    "/timeline",
    "/images/",
    "/images/2024/",
    "/images/2024/05/17/",
    "/timeline?part=2024-05",
    "/timeline?q=img",
    "/timeline?q=nothing-like-it",
    "/videos/",
    "/no_date/",
    "/Receipts/",
    "/connect",
    "/admin",
    "/images/1999/",
)


def send(site, **files: bytes) -> str:
    """Puts files in as curl does; returns the address of the receipt."""
    body = b""
    for name, content in files.items():
        head = f'--x\r\nContent-Disposition: form-data; name="f"; filename="{name}"\r\n\r\n'
        body += head.encode() + content + b"\r\n"
    request = urllib.request.Request(f"{site.url}/upload", body + b"--x--\r\n")
    request.add_header("Content-Type", "multipart/form-data; boundary=x")
    with urllib.request.urlopen(request) as reply:
        return str(reply.url.removeprefix(site.url))


@pytest.fixture
def filled(site) -> str:
    photo = media.photo(MAY, edges=(300, 200))
    files = {"IMG_1.jpg": photo, "IMG_2.jpg": media.photo(MAY, seed="2", edges=(200, 300))}
    files |= {"IMG_20240101_120000.jpg": media.photo(MAY, seed="3")}
    files |= {"again.jpg": photo, "plain.jpg": media.photo(None), "clip.mp4": media.film()}
    return send(site, **files, **{"notes.txt": b"text"})


def findings(page, axe: str) -> list[str]:
    page.evaluate(axe)
    wait_for(lambda: page.evaluate(AT_REST))
    found = page.evaluate("tags => axe.run(document, {runOnly: tags})", TAGS)
    return [
        f"{each['id']}: {node['html'][:150]} {node['failureSummary'][:200]}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("shape", [WIDE, PHONE], ids=["wide", "phone"])
def test_axe_finds_nothing_on_any_page(
    shape: dict[str, object], theme: str, open_page, site, filled: str, axe: str
) -> None:
    page = open_page(color_scheme=theme, locale="zh-CN" if shape is PHONE else "en-GB", **shape)
    links = page.evaluate(
        "() => fetch('/api/v1/items').then(r => r.json()).then(b => b.items.map(i => '/i/' + i.id))"
    )
    for path in (*PAGES, filled, *links):
        page.goto(f"{site.url}{path}")
        page.wait_for_load_state("networkidle")
        assert findings(page, axe) == [], path
        wide = page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert wide, f"{path} is wider than the screen"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_any_state_of_an_upload(
    theme: str, open_page, photos, axe: str, tmp_path
) -> None:
    note = tmp_path / "notes.txt"
    note.write_text("text")
    page = open_page(color_scheme=theme)
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    page.set_input_files("#files", [*photos(2, size=6 << 20), note])
    page.wait_for_selector(".swal2-icon-warning")
    assert findings(page, axe) == []
    throttle = {"offline": False, "latency": 0, "downloadThroughput": -1}
    session.send("Network.emulateNetworkConditions", throttle | {"uploadThroughput": 2 << 20})
    page.click(".swal2-confirm")
    page.wait_for_selector("li[data-state=sending]")
    page.wait_for_selector(".swal2-container", state="detached")
    assert findings(page, axe) == []
    page.click("#pause")
    page.wait_for_selector("li[data-state=paused]")
    assert findings(page, axe) == []
    session.send("Network.emulateNetworkConditions", throttle | {"uploadThroughput": -1})
    page.click("#pause")
    page.wait_for_selector(".swal2-icon-success")
    assert findings(page, axe) == []
    page.keyboard.press("Escape")
    page.wait_for_selector(".swal2-container", state="detached")
    assert findings(page, axe) == []


def test_axe_finds_nothing_with_the_viewer_the_menus_and_a_selection_open(
    open_page, site, filled: str, axe: str
) -> None:
    page = open_page("/images/2024/05/17/")
    page.click(".tile > a")
    page.wait_for_selector(".pswp--open .pswp__img")
    page.wait_for_timeout(500)
    assert findings(page, axe) == []
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    page.wait_for_selector(".pswp", state="detached")
    page.click("summary >> nth=0")
    page.locator(".pick input").first.check(force=True)
    assert page.inner_text("[data-picked]") == "1 selected"
    assert findings(page, axe) == []


@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
def test_the_reasons_of_a_receipt_open_by_the_keyboard_and_axe_finds_nothing(
    language: str, open_page, filled: str, axe: str
) -> None:
    page = open_page(filled, locale=language)
    reasons = page.locator("details.reasons").filter(has_text="IMG_20240101_120000")
    assert reasons.locator("li").first.is_hidden()
    reasons.locator("summary").focus()
    page.keyboard.press("Enter")
    assert reasons.locator("li").count() >= 2
    assert reasons.locator("li").first.is_visible()
    assert findings(page, axe) == []


def test_the_policy_is_not_broken_on_any_page(open_page, site, filled: str) -> None:
    page = open_page()
    page.context.add_init_script(
        "addEventListener('securitypolicyviolation', one => console.error(one.violatedDirective))"
    )
    for path in (*PAGES, filled):
        page.goto(f"{site.url}{path}")
        page.wait_for_load_state("networkidle")
    assert open_page.complaints == []


def test_copied_scripts_carry_nothing_that_looks_at_where_it_runs() -> None:
    script = (ROOT / "webui/static/vendor/sweetalert2/sweetalert2.min.js").read_text("utf-8")
    for trap in ("navigator.language", "location.host", 'createElement("audio")'):
        assert trap not in script
