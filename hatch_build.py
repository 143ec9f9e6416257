"""Put the page's scripts and styles into the wheel: they come from npm, not from the repository."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PageAssets(BuildHookInterface):  # type: ignore[type-arg]  # hatchling's own examples name none
    """Fetch the assets before a wheel is packed; an editable one leaves that to scripts/setup."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - theirs
        """Make the assets current."""
        if version != "editable":
            assets = load(Path(self.root) / "scripts" / "assets.py")
            assets.place(Path(self.root), assets.SERVED)


def load(script: Path) -> ModuleType:
    """Import a script by its path: the scripts are no package."""
    spec = importlib.util.spec_from_file_location(script.stem, script)
    if spec is None or spec.loader is None:
        raise ImportError(f"{script} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
