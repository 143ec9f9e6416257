"""The command line: where settings come from, and whom it lets in."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from davserver.commands.serve import Service, command_line, is_loopback


def invoke(*arguments: str | Path, **environ: str) -> tuple[Result, list[Service]]:
    served: list[Service] = []
    runner = CliRunner(env=environ)
    return runner.invoke(command_line(served.append), [str(part) for part in arguments]), served


def test_without_options_it_serves_this_machine_alone() -> None:
    result, (service,) = invoke("serve")
    assert result.exit_code == 0
    assert (service.settings.server.host, service.settings.server.port) == ("127.0.0.1", 8080)
    assert service.settings.store.root == Path("uploads")
    assert not service.open_to_all


def test_an_option_beats_the_environment_and_the_environment_the_file(tmp_path: Path) -> None:
    file = tmp_path / "daydrop.toml"
    file.write_text("[server]\nport = 1\nthreads = 7\n[store]\nroot = '/file'\n")
    _, (service,) = invoke(
        *("serve", "--config", file, "--port", "3"),
        DAYDROP_SERVER__PORT="2",
        DAYDROP_STORE__ROOT="/environment",
    )
    assert service.settings.server.port == 3
    assert service.settings.store.root == Path("/environment")
    assert service.settings.server.threads == 7


def test_the_store_of_a_checkout_gives_way_to_any_other_word(tmp_path: Path) -> None:
    file = tmp_path / "daydrop.toml"
    file.write_text("[store]\nroot = '/file'\nalias_days = 5\n")
    checkout = ("serve", "--default-store", "/checkout")
    _, (alone,) = invoke(*checkout)
    _, (by_file,) = invoke(*checkout, "--config", file)
    _, (by_environment,) = invoke(*checkout, DAYDROP_STORE__ROOT="/environment")
    _, (by_option,) = invoke(*checkout, "--store", "/option")
    roots = [service.settings.store.root for service in (alone, by_file, by_environment, by_option)]
    assert roots == [Path("/checkout"), Path("/file"), Path("/environment"), Path("/option")]
    assert by_file.settings.store.alias_days == 5


@pytest.mark.parametrize(
    ("text", "name"), [("[server]\nprot = 1\n", "server.prot"), ("[sevrer]\nport = 1\n", "sevrer")]
)
def test_an_unknown_setting_stops_the_start_by_name(tmp_path: Path, text: str, name: str) -> None:
    file = tmp_path / "daydrop.toml"
    file.write_text(text)
    result, served = invoke("serve", "--config", file)
    assert result.exit_code == 1
    assert served == []
    assert f"{name}: is not a setting" in result.output


def test_a_bad_value_stops_the_start_by_name() -> None:
    result, served = invoke("serve", DAYDROP_LIMITS__BATCH_FILES="many")
    assert (result.exit_code, served) == (1, [])
    assert "limits.batch_files" in result.output


def test_an_address_that_strangers_reach_needs_the_owners_word() -> None:
    result, served = invoke("serve", "--host", "0.0.0.0")  # noqa: S104 - what is refused here
    assert (result.exit_code, served) == (1, [])
    assert "--open" in result.output
    _, (service,) = invoke("serve", "--host", "0.0.0.0", "--open")  # noqa: S104 - allowed by word
    assert service.open_to_all


@pytest.mark.parametrize(
    ("host", "only_here"),
    [
        ("127.0.0.1", True),
        ("127.0.0.2", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104 - an address to judge
        ("::", False),
        ("192.168.1.4", False),
        ("localhost.example.org", False),
        ("", False),
    ],
)
def test_loopback_is_known(host: str, only_here: bool) -> None:
    assert is_loopback(host) is only_here
