"""What every answer carries."""

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


def test_text_goes_out_packed_to_those_who_take_it(web: FlaskClient) -> None:
    reply = web.get("/connect", headers={"Accept": "text/html", "Accept-Encoding": "gzip"})
    assert reply.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in web.get("/connect", headers={"Accept": "text/html"}).headers
