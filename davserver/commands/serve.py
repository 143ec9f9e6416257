"""The command line: what `daydrop` understands, and what it hands to those who do it."""

import ipaddress
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from daydrop.settings import Settings, SettingsRefused, read_settings


@dataclass(frozen=True)
class Service:
    """What `daydrop serve` was asked for."""

    settings: Settings
    open_to_all: bool  # the owner's word that everybody who can reach it may upload and read


def command_line(serve: Callable[[Service], None]) -> click.Group:
    """Build the `daydrop` command; `serve` runs the server until it is told to stop."""

    @click.group(context_settings={"help_option_names": ["-h", "--help"]})
    @click.version_option(package_name="daydrop")
    def daydrop() -> None:
        """File photos and videos by the day they were taken."""

    daydrop.add_command(_serve_command(serve))
    return daydrop


def _serve_command(serve: Callable[[Service], None]) -> click.Command:
    @click.command("serve")
    @click.option("--host", help="Address to listen on; 0.0.0.0 for all addresses.  [127.0.0.1]")
    @click.option("--port", type=int, help="Port to listen on; 0 picks a free one.  [8080]")
    @click.option("--store", type=click.Path(path_type=Path), help="Folder of the library.")
    @click.option("--config", type=click.Path(path_type=Path), help="Settings file (TOML).")
    @click.option("--open", "open_to_all", is_flag=True, help="Let everyone upload and read.")
    @click.option("--default-store", type=click.Path(path_type=Path), hidden=True)
    def command(
        *,
        host: str | None,
        port: int | None,
        store: Path | None,
        config: Path | None,
        open_to_all: bool,
        default_store: Path | None,
    ) -> None:
        """Serve the drive and the page until SIGTERM or Ctrl-C."""
        options = {"server": _given(host=host, port=port), "store": _given(root=store)}
        defaults = {"store": _given(root=default_store)}
        settings = settings_of(options, config, defaults)
        if not open_to_all and not is_loopback(settings.server.host):
            raise click.ClickException(_strangers(settings.server.host))
        serve(Service(settings, open_to_all))

    return command


def settings_of(
    options: Mapping[str, Mapping[str, Any]],
    file: Path | None,
    defaults: Mapping[str, Mapping[str, Any]],
) -> Settings:
    """Read the settings; a bad one ends the program with a sentence that names it."""
    try:
        return read_settings(options, os.environ, file, defaults)
    except SettingsRefused as refused:
        raise click.ClickException(f"Daydrop cannot start.\n{refused}") from refused


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach an address to listen on."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name may mean any address
        return False


def _given(**options: object) -> dict[str, object]:
    """Keep the options that were given."""
    return {key: value for key, value in options.items() if value is not None}


def _strangers(host: str) -> str:
    return (
        f"On {host} anyone could reach Daydrop. Add --open if everyone there may upload and"
        " read; or leave out --host, to serve this machine only."
    )
