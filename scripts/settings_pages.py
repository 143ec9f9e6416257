"""Write what the settings models say: config/sample.toml, docs/settings.md, README's table."""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from daydrop.settings import ENVIRONMENT_PREFIX, Section, Settings

ROOT = Path(__file__).resolve().parent.parent
MADE = "made by scripts/docs from daydrop/settings.py; change it there"
README_TABLE = re.compile(
    r"(?<=<!-- settings: made by scripts/docs -->\n).*?(?=<!-- end of settings -->)", re.DOTALL
)


@dataclass(frozen=True)
class Setting:
    """One setting as the reader of a page sees it."""

    section: str
    key: str
    default: str | None  # in TOML's writing; None where there is none
    meaning: str

    @property
    def variable(self) -> str:
        """Name it as the environment does."""
        return f"{ENVIRONMENT_PREFIX}{self.section}__{self.key}".upper()


@dataclass(frozen=True)
class Part:
    """A section of the settings."""

    name: str
    meaning: str
    settings: tuple[Setting, ...]


def main() -> None:
    """Write the pages; with --check only say which are stale, and fail if one is."""
    stale = [path for path, text in pages(ROOT) if not path.exists() or path.read_text() != text]
    for path in stale:
        print(f"{path.relative_to(ROOT)} is behind daydrop/settings.py", file=sys.stderr)
    if "--check" in sys.argv[1:]:
        sys.exit(1 if stale else 0)
    for path, text in pages(ROOT):
        path.write_text(text)


def pages(root: Path) -> Iterator[tuple[Path, str]]:
    """Yield each made file with the text that it should have."""
    parts = tuple(read_parts())
    readme = (root / "README.md").read_text()
    yield root / "config" / "sample.toml", sample(parts)
    yield root / "docs" / "settings.md", page(parts)
    yield root / "README.md", README_TABLE.sub(lambda _: short_table(parts), readme)


def read_parts() -> Iterator[Part]:
    """Read the models."""
    for name, field in Settings.model_fields.items():
        section = field.default
        if not isinstance(section, Section):
            raise TypeError(f"{name} is no section with defaults")
        settings = tuple(
            Setting(name, key, toml(getattr(section, key)), said.description or "")
            for key, said in type(section).model_fields.items()
        )
        yield Part(name, (type(section).__doc__ or "").strip(), settings)


def toml(value: object) -> str | None:
    """Write a default as TOML does; TOML has no word for unset."""
    match value:
        case None:
            return None
        case Path():
            return json.dumps(str(value))
        case tuple():
            return json.dumps(list(value))
        case int() | str():
            return json.dumps(value)
    raise TypeError(f"no TOML for {value!r}")


def sample(parts: tuple[Part, ...]) -> str:
    """Write the annotated sample: each key with its default, behind a # until it is wanted."""
    lines = [
        "# Settings of Daydrop: remove the # from the lines you change, and pass this file with",
        f"# `daydrop serve --config`. This file is {MADE}.",
        "# Sizes can be written as 5GiB, times as 60s, 15m, 12h or 7d.",
    ]
    for part in parts:
        lines += ["", f"# {part.meaning}", f"[{part.name}]"]
        for setting in part.settings:
            lines.append(f"# {setting.meaning}")
            lines.append(f"#{setting.key} = {setting.default or '   (unset)'}")
    return "\n".join(lines) + "\n"


def page(parts: tuple[Part, ...]) -> str:
    """Write the page of all settings."""
    lines = [
        "# Settings",
        "",
        f"<!-- {MADE} -->",
        "The command line (`daydrop serve --help`) takes precedence over the environment,",
        "the environment over the file given by `--config`, and the file over the defaults below.",
        "Daydrop does not start with an unknown name or an invalid value, and says which it is.",
        "Sizes are in bytes and times in seconds; `5GiB`, `500MB`, `60s`, `15m` and `12h` also",
        "work. In the environment, separate the entries of a list by commas.",
        "Start from `config/sample.toml`.",
    ]
    for part in parts:
        lines += ["", f"## `[{part.name}]`", "", part.meaning, ""]
        lines += ["| in the file | in the environment | default | meaning |", "|---|---|---|---|"]
        lines += [
            f"| `{setting.key}` | `{setting.variable}` | {shown(setting)} | {setting.meaning} |"
            for setting in part.settings
        ]
    return "\n".join(lines) + "\n"


def short_table(parts: tuple[Part, ...]) -> str:
    """Write README's table."""
    lines = ["| setting | default | meaning |", "|---|---|---|"]
    lines += [
        f"| `{setting.section}.{setting.key}` | {shown(setting)} | {setting.meaning} |"
        for part in parts
        for setting in part.settings
    ]
    return "\n".join(lines) + "\n"


def shown(setting: Setting) -> str:
    """Show a default in a table."""
    return "unset" if setting.default is None else f"`{setting.default}`"


if __name__ == "__main__":
    main()
