"""How much of a series of faults is gone through: all by hand, a short form for every change.

FAULTS=full in the environment asks for all; FAULTS_REPORT names a file that gets the figures.
"""

import json
import os
from pathlib import Path

FULL = os.environ.get("FAULTS", "") == "full"


def chosen(full: int, short: int) -> int:
    """One figure for the whole series, another for the short form."""
    return full if FULL else short


def report(what: str, figures: object) -> None:
    """Writes down what a series came to, for docs/reliability.md."""
    file = os.environ.get("FAULTS_REPORT")
    if file:
        with Path(file).open("a", encoding="utf-8") as lines:
            lines.write(f"{json.dumps({'what': what, 'figures': figures})}\n")
