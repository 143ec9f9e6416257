"""The programs on the other end: what they are called, and what they may be called in a receipt."""

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
_MOST = 200


def program(user_agent: str) -> str:
    """The name of a program for people: `Finder 3.0.0`; what is unknown is told as it is."""
    for pattern, name in _KNOWN:
        if match := pattern.search(user_agent):
            return f"{name} {match[1]}".strip()
    return "".join(letter for letter in user_agent if letter.isprintable())[:_MOST]
