"""The documents say what is so: each setting and script, and no page left behind the code."""

import ast
import importlib.util
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

from davserver.commands.filing import filing_commands
from davserver.commands.maintenance import maintenance_commands
from daydrop import words
from daydrop.settings import read_settings
from tests.checkout import ROOT


def settings_pages() -> ModuleType:
    file = ROOT / "scripts" / "settings_pages.py"
    spec = importlib.util.spec_from_file_location("settings_pages", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


pages = settings_pages()
PARTS = tuple(pages.read_parts())
SETTINGS = [setting for part in PARTS for setting in part.settings]
README = (ROOT / "README.md").read_text()
DISCOURAGED = {
    r"films?": "video",
    r"sidecars?": "companion",
    r"pictures?": "photo, or photo or video",
    r"somebody|nobody|whoever|whom|heirs?|strangers?": "a plain word: files are not people",
    r"other half|halves": "the file it is paired with",
    r"anew": "again",
    r"in one go": "at once",
    r"for want of": "as there is no",
    r"hangs? on": "depends on",
    r"at the server": "on the server",
    r"all the same": "still",
    r"made again": "rebuilt",
    r"sets? all up": "sets everything up",
    r"(?:is|are) no (?:part|setting|form|folder|photo|video|date)": "is not a",
    r"taken back|brought back|bring back": "undone for a batch, restored for the trash",
    r"design(?:\.md)?,? (?:section|promise)|spec/|\([A-Z]\d\)": "say the rule itself",
}


@pytest.mark.parametrize(("path", "text"), list(pages.pages(ROOT)))
def test_pages_made_from_the_settings_are_fresh(path: Path, text: str) -> None:
    assert path.read_text() == text, "run scripts/docs"


@pytest.mark.parametrize(
    "setting", SETTINGS, ids=lambda setting: f"{setting.section}.{setting.key}"
)
def test_every_setting_is_documented(setting: object) -> None:
    section, key = setting.section, setting.key  # type: ignore[attr-defined]  # made by a script
    assert f"| `{section}.{key}` |" in README
    assert f"`DAYDROP_{section}__{key}`".upper() in (ROOT / "docs/settings.md").read_text().upper()
    assert re.search(rf"^#{key} = ", (ROOT / "config/sample.toml").read_text(), re.MULTILINE)
    assert len(setting.meaning) > 10  # type: ignore[attr-defined]  # made by a script


def test_the_sample_says_the_defaults(tmp_path: Path) -> None:
    defaults = read_settings({}, {}).model_dump()
    commented = (ROOT / "config" / "sample.toml").read_text()
    assert read_settings({}, {}, ROOT / "config" / "sample.toml").model_dump() == defaults
    active = re.sub(r"^#(\w+ = (?! ).*)$", r"\1", commented, flags=re.MULTILINE)
    given = tomllib.loads(active)
    wanted = {part.name: {s.key for s in part.settings if s.default} for part in PARTS}
    assert {section: set(keys) for section, keys in given.items()} == wanted
    (tmp_path / "active.toml").write_text(active)
    assert read_settings({}, {}, tmp_path / "active.toml").model_dump() == defaults


def test_the_two_commands_come_first() -> None:
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    assert "scripts/serve" in blocks[0]
    assert "scripts/test" in blocks[0]


def documents() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


@pytest.mark.parametrize("document", documents(), ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", documents(), ids=lambda path: path.name)
def test_scripts_named_in_documents_exist(document: Path) -> None:
    named = set(re.findall(r"\bscripts/[a-z_.-]*[a-z]", document.read_text()))
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_every_script_is_named_in_contributing() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    scripts = [path for path in (ROOT / "scripts").iterdir() if not path.suffix and path.is_file()]
    assert [path.name for path in scripts if f"scripts/{path.name}" not in text] == []


def test_changelog_and_version_agree() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    first = re.search(r"^## (?!Unreleased)(\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert first is not None
    assert first[1] == version


def test_files_named_in_the_architecture_exist() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    named = set(re.findall(r"`((?:config|daydrop|davserver|webui|tests|scripts)/[\w./-]*)`", text))
    named -= {"webui/static/vendor/"}  # made by set-up
    assert len(named) > 20
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_every_command_is_in_the_readme() -> None:
    commands = {command.name for command in (*maintenance_commands(), *filing_commands())}
    assert len(commands) >= 5
    assert [name for name in sorted(commands) if f"daydrop {name}" not in README] == []


def messages() -> Iterator[tuple[str, str]]:
    """Yield the texts of several words in the code, without docstrings."""
    for package in ("daydrop", "davserver", "webui"):
        for file in (ROOT / package).rglob("*.py"):
            tree = ast.parse(file.read_text("utf-8"))
            statements = {id(each.value) for each in ast.walk(tree) if isinstance(each, ast.Expr)}
            for each in ast.walk(tree):
                if isinstance(each, ast.Constant) and id(each) not in statements:
                    text = str(each.value)
                    if text.count(" ") > 1:
                        yield f"{file.name}:{each.lineno}", text


@cache
def sentences() -> list[tuple[str, str]]:
    """Return what users read, text by text, with the place where it is written."""
    pages = (ROOT / "webui" / "templates").glob("*.html")
    english = json.loads((ROOT / "webui/i18n/en.json").read_text("utf-8"))
    # the architecture is for engineers, and has names of code in it
    read = [each for each in documents() if each.name != "ARCHITECTURE.md"]
    keys = words.keys()
    return [
        *((each.name, each.read_text()) for each in read),
        *((key, words.templates(key)[0]) for key in keys),
        *messages(),
        *english.items(),
        # without tags and expressions: class names and keys are not read by users
        *((page.name, re.sub(r"<[^>]*>|{[{%#].*?[}%#]}", " ", page.read_text())) for page in pages),
    ]


@pytest.mark.parametrize("pattern", DISCOURAGED)
def test_what_users_read_uses_the_words_of_the_house(pattern: str) -> None:
    # names of tests and files stand in backquotes, and some of them have these words
    found = [
        (place, match[0])
        for place, text in sentences()
        for match in re.finditer(
            rf"\b(?:{pattern})(?!\w)", re.sub(r"`[^`]*`", "", text), re.IGNORECASE
        )
    ]
    assert found == [], f"write: {DISCOURAGED[pattern]}"
