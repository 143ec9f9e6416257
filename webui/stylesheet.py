"""Bootstrap's style, without the rules for classes that none of our pages uses.

Our pages need a tenth of its one file. A rule stays when each class in its selector is a word of
our templates or scripts: too many may stay, never too few.
"""

import re
from collections.abc import Collection, Iterator
from pathlib import Path

_WORD = re.compile(r"[A-Za-z_][\w-]*")
_CLASS = re.compile(r"\.(-?[A-Za-z_][\w-]*)")
_COMMENT = re.compile(r"/\*(?!!).*?\*/", re.DOTALL)  # `/*!` begins a licence
_LICENCE = re.compile(r"/\*!.*?\*/", re.DOTALL)
_ARGUMENT = re.compile(r"\([^()]*\)")  # of :not(.x): it applies to what has no such class
_GROUPS = ("@media", "@supports")


def words_of_pages(folder: Path) -> frozenset[str]:
    """Return every word of the templates and scripts below the folder of a site."""
    files = [*folder.glob("templates/*.html"), *folder.glob("static/js/**/*.js")]
    return frozenset(word for file in files for word in _WORD.findall(file.read_text("utf-8")))


def cut(style: str, words: Collection[str]) -> str:
    """Return the style without rules for classes that are not in `words`; the licence stays."""
    licence = _LICENCE.match(style.removeprefix('@charset "UTF-8";'))
    plain = _COMMENT.sub("", _LICENCE.sub("", style))
    return (licence.group() if licence else "") + "".join(_kept(plain, words))


def _kept(style: str, words: Collection[str]) -> Iterator[str]:
    for head, body in _rules(style):
        if head.startswith(_GROUPS):
            if inner := "".join(_kept(body, words)):
                yield f"{head}{{{inner}}}"
        elif head.startswith("@keyframes"):
            if head.removeprefix("@keyframes").strip() in words:
                yield f"{head}{{{body}}}"
        elif selectors := [each for each in _selectors(head) if _applies(each, words)]:
            yield f"{','.join(selectors)}{{{body}}}"


def _rules(style: str) -> Iterator[tuple[str, str]]:
    """Yield the rules of one level: what stands before the braces, and between them."""
    start = 0
    while (opening := style.find("{", start)) >= 0:
        closing, depth = opening, 0
        while True:
            depth += {"{": 1, "}": -1}.get(style[closing], 0)
            if depth == 0:
                break
            closing += 1
        head = style[start:opening].rpartition(";")[2]  # behind an @charset
        yield head.strip(), style[opening + 1 : closing]
        start = closing + 1


def _selectors(head: str) -> list[str]:
    """Split a list of selectors at the commas outside brackets."""
    return [each.strip() for each in re.split(r",(?![^()\[\]]*[)\]])", head)]


def _applies(selector: str, words: Collection[str]) -> bool:
    return all(name in words for name in _CLASS.findall(_ARGUMENT.sub("", selector)))
