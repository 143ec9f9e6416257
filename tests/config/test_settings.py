"""Settings come from options, environment, file and defaults; a bad one is refused by its name."""

from pathlib import Path

import pytest

from config.settings import SettingsRefused, read_settings


@pytest.fixture
def file(tmp_path: Path):
    def write(text: str) -> Path:
        path = tmp_path / "daydrop.toml"
        path.write_text(text)
        return path

    return write


def test_without_anything_the_defaults_hold():
    settings = read_settings({}, {})
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 8080)
    assert (settings.limits.batch_files, settings.limits.batch_bytes) == (50, 5_368_709_120)
    assert settings.limits.keep_free == 2**30
    assert settings.limits.accept == ("images", "videos")


def test_an_option_beats_the_environment_which_beats_the_file(file, monkeypatch):
    path = file("[limits]\nbatch_files = 1\nbatch_idle = 1\n[server]\nport = 1\n")
    monkeypatch.setenv("DAYDROP_LIMITS__BATCH_FILES", "2")
    monkeypatch.setenv("DAYDROP_SERVER__PORT", "2")
    import os

    settings = read_settings({"server": {"port": 3}}, os.environ, path)
    assert settings.limits.batch_idle == 1
    assert settings.limits.batch_files == 2
    assert settings.server.port == 3


def test_sizes_and_times_may_carry_units(file):
    settings = read_settings(
        {}, {}, file('[limits]\nbatch_bytes = "5GiB"\nkeep_free = "10MB"\nbatch_idle = "2min"\n')
    )
    assert settings.limits.batch_bytes == 5 * 2**30
    assert settings.limits.keep_free == 10_000_000
    assert settings.limits.batch_idle == 120


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[limits]\nbatch_file = 3\n", "limits.batch_file"),
        ("[limit]\nbatch_files = 3\n", "limit"),
        ("[limits]\nbatch_files = 0\n", "limits.batch_files"),
        ('[limits]\nbatch_bytes = "many"\n', "limits.batch_bytes"),
        ('[limits]\naccept = ["music"]\n', "limits.accept"),
        ('[dates]\nmedia_timezone = "Mars/Base"\n', "dates.media_timezone"),
        ('[server]\ntrusted_proxies = ["nginx"]\n', "server.trusted_proxies"),
        ('[store]\nfolder = "%Y/{kind}"\n', "store.folder"),
        ('[store]\nfolder = "{kind}/../%Y"\n', "store.folder"),
        ('[store]\nfolder = "{kind}/all"\n', "store.folder"),
        ("[server\n", "daydrop.toml"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(file, text, named):
    with pytest.raises(SettingsRefused, match=named.replace(".", r"\.")):
        read_settings({}, {}, file(text))


@pytest.mark.parametrize("name", ["DAYDROP_LIMITS__BATCHFILES", "DAYDROP_LIMIT__BATCH_FILES"])
def test_a_misspelt_variable_is_named(name):
    with pytest.raises(SettingsRefused, match=name):
        read_settings({}, {name: "3"})


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SettingsRefused, match="no settings file"):
        read_settings({}, {}, tmp_path / "none.toml")
