"""The table of what is supported names tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT.parent / "docs" / "compliance.md"
METHODS = {"OPTIONS", "PROPFIND", "PROPPATCH", "MKCOL", "GET", "PUT", "DELETE", "COPY", "MOVE"}


def test_every_test_that_the_table_names_exists() -> None:
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", PAGE.read_text(encoding="utf-8"))
    assert len(named) > 50
    missing = [
        f"{file}::{function}"
        for file, function in named
        if f"def {function}(" not in (ROOT / file).read_text(encoding="utf-8")
    ]
    assert missing == []


def test_every_row_of_the_table_has_a_test() -> None:
    rows = [
        line
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("| ") and not line.startswith("| ---") and not line.endswith("| test |")
    ]
    assert len(rows) > 50
    assert [row for row in rows if "::test_" not in row] == []


def test_every_method_has_a_row() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert {each for each in METHODS | {"LOCK", "UNLOCK"} if f"| {each}" not in text} == set()
