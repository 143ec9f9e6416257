"""The composition root: settings, library, both faces and the engine become one server."""

import signal
import ssl
from contextlib import closing

import click

from davserver.commands.filing import filing_commands
from davserver.commands.maintenance import at_work, failing_in_words, maintenance_commands
from davserver.commands.serve import Service, command_line
from davserver.dav.app import create_app as create_dav
from davserver.engine.server import Server
from davserver.gate import Gate
from davserver.peers import Proxies
from daydrop.console import configure_console
from daydrop.library import Library
from webui.app import create_app as create_web

GRACE_SECONDS = 30.0  # for uploads in flight, once the server was told to stop


def main() -> None:
    """Run the `daydrop` command."""
    daydrop = command_line(serve)
    for command in [*filing_commands(), *maintenance_commands()]:
        daydrop.add_command(command)
    daydrop(prog_name="daydrop")


def serve(service: Service) -> None:
    """Serve until SIGTERM or Ctrl-C, then finish what is in flight."""
    settings = service.settings
    configure_console(settings.log.level)
    with failing_in_words(), closing(Library(settings)) as library:
        if not library.is_first and not library.is_read_only:
            raise click.ClickException(at_work(library))
        server = _server(service, library)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: server.stop(GRACE_SECONDS))
        library.start()
        for line in addresses(*server.address, is_tls=settings.server.tls_cert is not None):
            click.echo(line)
        server.serve()
    click.echo("Daydrop has stopped; nothing was left half done.")


def _server(service: Service, library: Library) -> Server:
    settings = service.settings.server
    gate = Gate(create_dav(library), create_web(library), library, is_open=service.open_to_all)
    try:
        return Server(
            gate,
            settings.host,
            settings.port,
            threads=settings.threads,
            tls_cert=settings.tls_cert,
            tls_key=settings.tls_key,
            counted_as=Proxies(settings.trusted_proxies).counted_as,
        )
    except ssl.SSLError as failure:
        raise click.ClickException(
            f"server.tls_cert and server.tls_key cannot be used ({failure.reason or failure}): "
            "give a certificate and its matching key, both as PEM."
        ) from failure
    except OSError as failure:
        raise click.ClickException(
            f"Port {settings.port} of {settings.host} cannot be used ({failure.strerror}): "
            "stop the program that uses it, or choose another port with --port."
        ) from failure


def addresses(host: str, port: int, *, is_tls: bool) -> list[str]:
    """Return the lines that say which addresses to open and to mount."""
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104  compared, not bound
    shown = f"[{shown}]" if ":" in shown else shown
    web, dav = ("https", "davs") if is_tls else ("http", "dav")
    return [
        f"Daydrop serves {web}://{shown}:{port}/",
        f"  open it in a browser:     {web}://{shown}:{port}/",
        f"  mount it (Finder, rclone, davfs2, phones): {web}://{shown}:{port}/",
        f"  mount it (GNOME, KDE):    {dav}://{shown}:{port}/",
    ]


if __name__ == "__main__":
    main()
