"""What the programs on the other end are called, in a record and in a sentence."""

import re
from typing import Final

_KNOWN: Final = (
    (re.compile(r"WebDAVFS/([\d.]+)"), "Finder"),
    (re.compile(r"Microsoft-WebDAV-MiniRedir/([\d.]+)"), "Windows Explorer"),
    (re.compile(r"davfs2/([\d.]+)"), "davfs2"),
    (re.compile(r"rclone/v?([\d.]*)"), "rclone"),
    (re.compile(r"gvfs/([\d.]+)"), "GNOME Files"),
    (re.compile(r"Cyberduck/([\d.]+)"), "Cyberduck"),
    (re.compile(r"Mountain Duck/([\d.]+)"), "Mountain Duck"),
    (re.compile(r"PhotoSync/([\d.]+)"), "PhotoSync"),
    (re.compile(r"okhttp/([\d.]+)"), "a phone app (okhttp)"),
    (re.compile(r"curl/([\d.]+)"), "curl"),
    (re.compile(r"cadaver/([\d.]+)"), "cadaver"),
    (re.compile(r"lftp/([\d.]+)"), "lftp"),
    (re.compile(r"(?:Konqueror|KIO|kioworker)/([\d.]+)"), "KDE"),
    (re.compile(r"litmus/([\d.]+)"), "litmus"),
)
# in this order: every browser claims to be some of those behind it
_BROWSERS: Final = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_LONGEST: Final = 200
_LONGEST_SHORT: Final = 60


def program_of(user_agent: str) -> str:
    """Return what a record calls a program: `Finder 3.0.0`; an unknown one by its own words."""
    for pattern, name in _KNOWN:
        if match := pattern.search(user_agent):
            return f"{name} {match[1]}".strip()
    return "".join(letter for letter in user_agent if letter.isprintable())[:_LONGEST]


def short_name(program: str) -> str:
    """Return what people call the program of a record: `Finder`, `Firefox`, or its first word."""
    if program.startswith("Mozilla/"):
        return next((name for mark, name in _BROWSERS if mark in program), "Mozilla")
    known = (name for _, name in _KNOWN if program.startswith(name))
    return next(known, program.partition(" ")[0][:_LONGEST_SHORT])
