"""Every setting once: name, default, unit and meaning; sample file and docs are made from here."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    IPvAnyNetwork,
    ValidationError,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

ENVIRONMENT_PREFIX = "DAYDROP_"

_SIZES = {"": 1, "B": 1}
_SIZES |= {f"{prefix}B": 1000**power for power, prefix in enumerate("KMGT", start=1)}
_SIZES |= {f"{prefix}iB": 1024**power for power, prefix in enumerate("KMGT", start=1)}
_TIMES = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
_AMOUNT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*")


class SettingsRefused(ValueError):
    """The settings cannot be used; its text names the setting and says what is wrong with it."""


def _amount(value: object, units: Mapping[str, int], example: str) -> object:
    """Read `5GiB` or `60s`; a plain number passes as it is."""
    if not isinstance(value, str):
        return value
    match = _AMOUNT.fullmatch(value)
    if match is None or match[2] not in units:
        raise ValueError(f"write a whole number, or a number with a unit such as {example}")
    return round(float(match[1]) * units[match[2]])


def _size(value: object) -> object:
    return _amount(value, _SIZES, "5GiB")


def _seconds(value: object) -> object:
    return _amount(value, _TIMES, "60s")


def _is_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as unknown:
        raise ValueError(f"{name} is not an IANA time zone such as Europe/Rome") from unknown
    return name


def _is_folder(pattern: str) -> str:
    """Return the trees `images/` and `videos/` are addresses of their own, so they come first."""
    parts = pattern.split("/")
    if parts[0] != "{kind}" or any(part in ("", ".", "..") for part in parts):
        raise ValueError("a folder must begin with {kind}/, as in {kind}/%Y/%m/%d")
    if any(part.startswith(".") for part in parts):
        raise ValueError("a folder must not be hidden: it would never be listed")
    if set("{}") & set(pattern.removeprefix("{kind}")):
        raise ValueError("{kind} must come first, and nothing else may be in braces")
    if not {"%Y", "%y"} & set(re.findall("%[A-Za-z]", pattern)):
        raise ValueError("a folder must contain at least the year, as in {kind}/%Y")
    return pattern


def _is_address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("an address must begin with https:// or http://")
    return url


def _is_catalogue(url: str) -> str:
    if not url.startswith(("sqlite:///", "postgresql")):
        raise ValueError("a catalogue must be sqlite:///FILE or postgresql://USER@HOST/NAME")
    return url


def _is_readable(file: Path) -> Path:
    file = file.expanduser()
    try:
        file.read_bytes()
    except OSError as failure:
        raise ValueError(f"{file} cannot be read: {failure.strerror}") from failure
    return file


def _listed(value: object) -> object:
    """Return a list as the environment has it: words with commas between, or JSON."""
    if not isinstance(value, str):
        return value
    if value.strip().startswith("["):
        try:
            return json.loads(value)
        except ValueError as broken:
            raise ValueError("write a list separated by commas") from broken
    return [word for each in value.split(",") if (word := each.strip())]


LISTED = (NoDecode, BeforeValidator(_listed))
Folder = Annotated[Path, AfterValidator(Path.expanduser)]
Readable = Annotated[Path, AfterValidator(_is_readable)]
Bytes = Annotated[int, BeforeValidator(_size), Field(ge=0)]
Seconds = Annotated[int, BeforeValidator(_seconds), Field(ge=0)]
Zone = Annotated[str, AfterValidator(_is_zone)]


class Section(BaseModel):
    """A group of settings; an unknown key in it is refused by name."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ServerSettings(Section):
    """Where Daydrop listens, and which proxies it trusts."""

    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for all addresses.")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    threads: int = Field(
        32, ge=4, le=1000, description="Worker threads kept running; more are started as needed."
    )
    public_url: Annotated[str, AfterValidator(_is_address)] | None = Field(
        None, description="The public address, when Daydrop is behind a proxy."
    )
    hosts: Annotated[tuple[str, ...], *LISTED] = Field(
        (),
        description="Host names accepted in addition to the machine's own names and addresses.",
    )
    trusted_proxies: Annotated[tuple[IPvAnyNetwork, ...], *LISTED] = Field(
        (),
        description="Addresses or networks of proxies whose X-Forwarded-For is trusted.",
    )
    tls_cert: Readable | None = Field(None, description="Certificate chain (PEM), to serve https.")
    tls_key: Readable | None = Field(None, description="Private key (PEM) of the certificate.")

    @model_validator(mode="after")
    def _has_both_or_neither(self) -> Self:
        if (self.tls_cert is None) is not (self.tls_key is None):
            raise ValueError("server.tls_cert and server.tls_key go together: set both or neither")
        return self


class StoreSettings(Section):
    """Where the library is, and how long things are kept."""

    root: Folder = Field(Path("uploads"), description="Folder of the library and all its state.")
    folder: Annotated[str, AfterValidator(_is_folder)] = Field(
        "{kind}/%Y/%m/%d",
        description="Folder of a dated file: {kind} is images or videos, %Y %m %d its date.",
    )
    alias_days: int = Field(
        30,
        ge=0,
        description="Days a name in Upload keeps working after it was last listed; also how long"
        " files may be paired by name alone. 0 = forever.",
    )
    trash_days: int = Field(30, ge=0, description="Days a deleted file stays in the trash.")


class LimitSettings(Section):
    """How much may be uploaded at once, and what."""

    batch_files: int = Field(50, ge=1, description="Most files in one batch.")
    batch_bytes: Bytes = Field(5 * 1024**3, description="Most bytes in one batch (5 GiB).")
    batch_idle: Seconds = Field(
        60, description="Seconds without incoming data after which a batch of the drive ends."
    )
    batch_max_age: Seconds = Field(
        900, description="Seconds after which a batch of the drive ends in any case."
    )
    keep_free: Bytes = Field(1024**3, description="Disk space that uploads leave free (1 GiB).")
    accept: Annotated[tuple[Literal["images", "videos", "others"], ...], *LISTED] = Field(
        ("images", "videos"),
        description="Kinds of file accepted: images, videos, and others (filed under others/).",
    )


class DateSettings(Section):
    """How capture dates are read."""

    media_timezone: Zone | None = Field(
        None,
        description="Time zone for videos that record only UTC, such as Europe/Rome; unset: UTC.",
    )
    exiftool: str = Field(
        "auto",
        description="Path of exiftool, for files otherwise undated; auto: from PATH; off: never.",
    )


class CatalogueSettings(Section):
    """Where the index of the library is."""

    url: Annotated[str, AfterValidator(_is_catalogue)] | None = Field(
        None, description="SQLAlchemy URL of the catalogue; unset: SQLite in the store."
    )


class LogSettings(Section):
    """What is logged, and for how long."""

    days: int = Field(90, ge=1, description="Days the log is kept; it contains client addresses.")
    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Lowest severity to log."
    )


class Settings(BaseSettings):
    """All settings; sources in falling order: options, `DAYDROP_SECTION__KEY`, TOML, defaults."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    server: ServerSettings = ServerSettings()
    store: StoreSettings = StoreSettings()
    limits: LimitSettings = LimitSettings()
    dates: DateSettings = DateSettings()
    catalogue: CatalogueSettings = CatalogueSettings()
    log: LogSettings = LogSettings()


def read_settings(
    options: Mapping[str, Mapping[str, Any]],
    environment: Mapping[str, str],
    file: Path | None = None,
    defaults: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
) -> Settings:
    """Put the settings together; `options` maps section and key to values of the command line.

    `defaults` is of the same shape and weaker than all else, save the models' own defaults.

    Raises SettingsRefused with one line per fault, each naming its setting.
    """
    _refuse_unknown_variables(environment)

    class _FromFile(Settings):
        model_config = SettingsConfigDict(toml_file=file)

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  its signature is given
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  its signature is given
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            weakest = {section: dict(keys) for section, keys in defaults.items()}
            return (
                init_settings,
                env_settings,
                TomlConfigSettingsSource(settings_cls),
                InitSettingsSource(settings_cls, init_kwargs=weakest),
            )

    if file is not None and not file.is_file():
        raise SettingsRefused(f"there is no settings file {file}")
    build: Callable[..., Settings] = _FromFile
    try:
        return build(**{section: dict(keys) for section, keys in options.items() if keys})
    except ValidationError as faults:
        raise SettingsRefused("\n".join(_fault_lines(faults))) from faults
    except ValueError as broken:  # not TOML
        raise SettingsRefused(f"{file} cannot be read: {broken}") from broken


def _refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    """Refuse unknown `DAYDROP_…` variables, probably misspelt; pydantic would ignore them."""
    known = {
        f"{ENVIRONMENT_PREFIX}{section}__{key}".upper()
        for section, field in Settings.model_fields.items()
        for key in _section_fields(field.annotation)
    }
    for name, value in environment.items():
        upper = name.upper()
        if not upper.startswith(ENVIRONMENT_PREFIX) or upper in known:
            continue
        if "__" in name:
            raise SettingsRefused(f"{name} is not a setting of Daydrop")
        key = upper.removeprefix(ENVIRONMENT_PREFIX)
        meant = sorted(each for each in known if each.endswith(f"__{key}"))
        # Kubernetes sets DAYDROP_PORT=tcp://... beside a service that is called daydrop
        if meant and not value.startswith("tcp://"):
            raise SettingsRefused(f"{name} is not a setting of Daydrop: write {' or '.join(meant)}")


def _section_fields(section: object) -> list[str]:
    if isinstance(section, type) and issubclass(section, Section):
        return list(section.model_fields)
    raise TypeError(f"{section} is no section")


def _fault_lines(faults: ValidationError) -> list[str]:
    return [
        f"{'.'.join(str(part) for part in fault['loc'])}: "
        + ("is not a setting of Daydrop" if fault["type"] == "extra_forbidden" else fault["msg"])
        for fault in faults.errors()
    ]
