"""tus-js-client, which knows nothing of us, uploads through our API and resumes."""

from tests.browser.conftest import wait_for
from tests.browser.test_upload import filed

START = """async ([body, chunk]) => {
    const bytes = Uint8Array.from(atob(body), letter => letter.charCodeAt(0));
    const file = new File([bytes], "IMG_1.jpg", {type: "image/jpeg"});
    const reply = await fetch("/api/v1/batches", {
        method: "POST", headers: {"Content-Type": "application/json"},
        body: JSON.stringify({files: [{ref: "0", name: file.name, size: file.size}]})});
    const [{url}] = (await reply.json()).files;
    window.told = {progress: 0, done: false, error: null, file, url};
    window.upload = new tus.Upload(file, {
        uploadUrl: url, chunkSize: chunk, retryDelays: [0, 200, 500, 1000, 2000],
        onProgress: sent => { window.told.progress = sent; },
        onSuccess: () => { window.told.done = true; },
        onError: error => { window.told.error = String(error); },
    });
    window.upload.start();
}"""


def test_it_uploads_in_one_part_and_in_many(open_page, site, assets, photos) -> None:
    page = open_page()
    page.evaluate((assets / "tus-js-client" / "tus.min.js").read_text("utf-8"))
    for number, chunk in enumerate((None, 100_000)):
        [file] = photos(1, size=2_000_000, prefix=f"P{number}")
        page.evaluate(START, [_base64(file), chunk or 10**9])
        wait_for(lambda: page.evaluate("told.done || told.error"))
        assert page.evaluate("told.error") is None
    assert len(filed(site)) == 2


def test_it_resumes_after_the_network_was_cut(open_page, site, relay, assets, photos) -> None:
    [file] = photos(1, size=12 << 20)
    relay.bytes_a_second = 6 << 20
    page = open_page(root=f"http://127.0.0.1:{relay.port}")
    page.evaluate((assets / "tus-js-client" / "tus.min.js").read_text("utf-8"))
    page.evaluate(START, [_base64(file), 1 << 20])
    wait_for(lambda: page.evaluate("told.progress") > 4 << 20)
    relay.cut()
    relay.mend()
    relay.bytes_a_second = 0
    wait_for(lambda: page.evaluate("told.done || told.error"), 60)
    assert page.evaluate("told.error") is None
    [(path, _)] = filed(site).items()
    assert (site.store / path).read_bytes() == file.read_bytes()


def _base64(file) -> str:
    import base64

    return base64.b64encode(file.read_bytes()).decode()
