"""Settings come from options, environment, file and defaults; a bad one is refused by its name."""

import os
from pathlib import Path

import pytest

from daydrop.settings import SettingsRefused, read_settings


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
        ('[store]\nfolder = "{kind}/%Y/.%m"\n', "store.folder"),
        ('[store]\nfolder = "{kind}/{x}/%Y"\n', "store.folder"),
        ('[server]\npublic_url = "photos.example.org"\n', "server.public_url"),
        ('[server]\ntls_cert = "/nowhere/cert.pem"\n', "server.tls_cert"),
        ('[catalogue]\nurl = "foo://x"\n', "catalogue.url"),
        ("[server\n", "daydrop.toml"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(file, text, named):
    with pytest.raises(SettingsRefused, match=named.replace(".", r"\.")):
        read_settings({}, {}, file(text))


def test_a_certificate_without_its_key_is_refused_by_name(file, tmp_path):
    cert = tmp_path / "cert.pem"
    cert.write_text("PEM")
    with pytest.raises(SettingsRefused, match=r"server\.tls_key"):
        read_settings({}, {}, file(f'[server]\ntls_cert = "{cert}"\n'))


def test_lists_in_the_environment_are_words_with_commas_or_json(monkeypatch):
    for name, value in (
        ("LIMITS__ACCEPT", "images, others"),
        ("SERVER__HOSTS", "nas,nas.local"),
        ("SERVER__TRUSTED_PROXIES", '["10.0.0.1", "192.168.0.0/16"]'),
    ):
        monkeypatch.setenv(f"DAYDROP_{name}", value)
    settings = read_settings({}, os.environ)
    assert settings.limits.accept == ("images", "others")
    assert settings.server.hosts == ("nas", "nas.local")
    assert list(map(str, settings.server.trusted_proxies)) == ["10.0.0.1/32", "192.168.0.0/16"]


@pytest.mark.parametrize("value", ["music", '["images"', "images,music"])
def test_a_bad_list_in_the_environment_is_named(monkeypatch, value):
    monkeypatch.setenv("DAYDROP_LIMITS__ACCEPT", value)
    with pytest.raises(SettingsRefused, match=r"limits\.accept"):
        read_settings({}, os.environ)


def test_a_store_may_lie_in_the_home_folder():
    settings = read_settings({"store": {"root": "~/photos"}}, {})
    assert settings.store.root == Path.home() / "photos"


def test_a_variable_without_its_section_is_named_with_what_was_meant():
    with pytest.raises(SettingsRefused, match="DAYDROP_SERVER__PORT"):
        read_settings({}, {"DAYDROP_PORT": "1"})
    read_settings({}, {"DAYDROP_PORT": "tcp://10.0.0.7:8080", "DAYDROP_TESTS": "all"})


@pytest.mark.parametrize("name", ["DAYDROP_LIMITS__BATCHFILES", "DAYDROP_LIMIT__BATCH_FILES"])
def test_a_misspelt_variable_is_named(name):
    with pytest.raises(SettingsRefused, match=name):
        read_settings({}, {name: "3"})


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SettingsRefused, match="no settings file"):
        read_settings({}, {}, tmp_path / "none.toml")
