"""Two languages, equal and complete."""

import json
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

WEBUI = Path(__file__).parents[2] / "webui"
ENGLISH, CHINESE = (
    json.loads((WEBUI / "i18n" / f"{tag}.json").read_text("utf-8")) for tag in ("en", "zh-CN")
)
PAGE = {"Accept": "text/html"}


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


def test_both_languages_have_the_same_keys_and_placeholders() -> None:
    assert ENGLISH.keys() == CHINESE.keys()
    for key, text in ENGLISH.items():
        assert placeholders(text) == placeholders(CHINESE[key]), key
        assert CHINESE[key].strip(), key


def test_every_key_that_a_template_or_script_names_has_words() -> None:
    for file in [*WEBUI.glob("templates/*.html"), *WEBUI.glob("static/js/**/*.js")]:
        for key in re.findall(
            r"""(?<![\w.])t\(['"]([a-z_]+\.[\w.]*\w)['"][,)]""", file.read_text("utf-8")
        ):
            assert key in ENGLISH, f"{file.name}: {key}"


def test_no_words_are_left_that_nobody_says() -> None:
    said = "".join(
        file.read_text("utf-8")
        for file in [
            *WEBUI.glob("*.py"),
            *WEBUI.glob("templates/*.html"),
            *WEBUI.glob("static/js/**/*.js"),
        ]
    )
    made = ("theme.", "tabs.", "kind.", "face.", "nav.", "remedy.", "error.", "failure.")
    made += ("connect.", "outcome.", "up.s.", "up.meter_")
    for key in ENGLISH:
        plain = key.removesuffix(".one")
        assert plain.startswith(made) or plain in said, key


@pytest.mark.parametrize(
    ("headers", "query", "expected"),
    [
        ({"Accept-Language": "zh-TW,zh;q=0.9"}, "", "zh-CN"),
        ({"Accept-Language": "de-DE,en;q=0.5"}, "", "en"),
        ({"Accept-Language": "fr"}, "", "en"),
        ({}, "?lang=zh-CN", "zh-CN"),
        ({"Accept-Language": "zh-CN", "Cookie": "lang=en"}, "", "en"),
        ({"Cookie": "lang=en"}, "?lang=zh-CN", "zh-CN"),
        ({"Cookie": "lang=xx"}, "?lang=yy", "en"),
    ],
)
def test_the_query_wins_over_the_cookie_and_the_cookie_over_the_browser(
    headers: dict[str, str], query: str, expected: str, web: FlaskClient
) -> None:
    headers = dict(headers)
    if "Cookie" in headers:
        web.set_cookie("lang", headers.pop("Cookie").removeprefix("lang="))
    page = web.get(f"/{query}", headers=PAGE | headers).get_data(as_text=True)
    assert f'<html lang="{expected}"' in page


def test_a_choice_of_language_is_remembered(web: FlaskClient) -> None:
    web.get("/?lang=zh-CN", headers=PAGE)
    assert "选择文件" in web.get("/", headers=PAGE).get_data(as_text=True)


def test_a_refusal_is_told_in_the_readers_language(web: FlaskClient) -> None:
    reply = web.post(
        "/api/v1/batches",
        json={"files": [{"name": "a.txt", "size": 3}]},
        headers={"Accept-Language": "zh"},
    )
    assert "这里只能上传照片和视频" in reply.get_json()["files"][0]["detail"]
