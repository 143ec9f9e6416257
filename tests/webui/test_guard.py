"""What every answer carries, and who may not change anything."""

import pytest
from flask.testing import FlaskClient


@pytest.mark.parametrize("address", ["/", "/nope", "/api/v1/items", "/timeline", "/healthz"])
def test_every_answer_carries_the_policy(address: str, web: FlaskClient) -> None:
    headers = web.get(address, headers={"Accept": "text/html"}).headers
    assert "script-src 'self';" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:9999"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_change_asked_for_by_another_site_is_refused(
    headers: dict[str, str], web: FlaskClient
) -> None:
    for address in ("/upload", "/api/v1/batches", "/b/x/undo", "/api/v1/zip"):
        assert web.post(address, headers=headers).status_code == 403


def test_our_own_pages_and_programs_without_an_origin_may_ask(web: FlaskClient) -> None:
    for headers in ({}, {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}):
        assert web.post("/api/v1/batches", json={}, headers=headers).status_code == 400


def test_text_goes_out_packed_to_those_who_take_it(web: FlaskClient) -> None:
    reply = web.get("/connect", headers={"Accept": "text/html", "Accept-Encoding": "gzip"})
    assert reply.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in web.get("/connect", headers={"Accept": "text/html"}).headers
