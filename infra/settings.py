"""Every option of Raydesk, read from the environment (and `.env`) in one place.

Names are the environment's: the stores by their usual names, ours with `RAYDESK_`. `.env.example`
lists them all. Nothing else in the project reads the environment for an option.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from actors.addresses import PARTITION_N, Kind


class SettingsError(Exception):
    """One or more options have a wrong value; the text names each, for people."""


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        return os.cpu_count() or 1


def _placement(value: object) -> object:
    if value == "per-entity":
        return value
    try:
        number = int(str(value))
    except ValueError:
        number = 0
    if not 1 <= number <= PARTITION_N:
        raise ValueError(f"`per-entity` or a number of shards from 1 to {PARTITION_N}")
    return number


def _words(value: object) -> object:
    if isinstance(value, str):
        return tuple(word.strip() for word in value.split(",") if word.strip())
    return value


def _origins(value: tuple[str, ...]) -> tuple[str, ...]:
    for origin in value:
        scheme, _, host = origin.partition("://")
        if scheme not in {"http", "https"} or not host or "/" in host or "*" in host:
            raise ValueError("exact origins like https://shop.example, separated by commas")
    return value


def _url(*schemes: str) -> AfterValidator:
    def check(value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value():
            return None
        scheme, separator, rest = value.get_secret_value().partition("://")
        if not separator or not rest or scheme not in schemes:
            raise ValueError(f"a URL that starts with {', '.join(s + '://' for s in schemes)}")
        return value

    return AfterValidator(check)


def _http(value: str) -> str:
    if value and not value.startswith(("http://", "https://")):
        raise ValueError("a URL that starts with http:// or https://")
    return value


Placement = Annotated[int | Literal["per-entity"], BeforeValidator(_placement)]
Port = Annotated[int, Field(ge=0, le=65535)]
Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]
Origins = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words), AfterValidator(_origins)]
SqlUrl = _url("postgresql", "postgres", "postgresql+asyncpg", "sqlite", "sqlite+aiosqlite")
WebUrl = _url("http", "https")
RedisUrl = _url("redis", "rediss", "unix")


def _env(name: str, default: Any) -> Any:
    return Field(default=default, validation_alias=name, validate_default=True)


def _made(name: str, default_factory: Any) -> Any:
    return Field(default_factory=default_factory, validation_alias=name, validate_default=True)


class Settings(BaseSettings):
    """The validated options. Frozen; picklable, so that Ray may carry it to every process."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", populate_by_name=True, env_ignore_empty=True
    )

    # Stores. Empty: the built-in one under the data folder.
    redis_url: Annotated[SecretStr | None, RedisUrl] = _env("REDIS_URL", None)
    database_url: Annotated[SecretStr | None, SqlUrl] = _env("DATABASE_URL", None)
    elasticsearch_url: Annotated[SecretStr | None, WebUrl] = _env("ELASTICSEARCH_URL", None)
    s3_endpoint_url: Annotated[SecretStr | None, WebUrl] = _env("S3_ENDPOINT_URL", None)
    s3_bucket: str = _env("RAYDESK_S3_BUCKET", "raydesk")
    data_dir: Path = _env("RAYDESK_DATA_DIR", Path(".raydesk"))
    valkey_port: Port = _env("RAYDESK_VALKEY_PORT", 0)
    valkey_fsync: Literal["always", "everysec"] = _env("RAYDESK_VALKEY_FSYNC", "always")
    valkey_password: SecretStr | None = _env("RAYDESK_VALKEY_PASSWORD", None)
    redis_cluster: bool = _env("RAYDESK_REDIS_CLUSTER", False)
    outbox_cap: Count = _env("RAYDESK_OUTBOX_CAP", 1_000_000)
    policies_dir: Path | None = _env("RAYDESK_POLICIES_DIR", None)
    decisions_people_per_s: Annotated[float, Field(ge=0)] = _env(
        "RAYDESK_DECISIONS_PEOPLE_PER_S", 10_000.0
    )
    decisions_file_s: Seconds = _env("RAYDESK_DECISIONS_FILE_S", 60.0)
    redis_connections: Count = _env("RAYDESK_REDIS_CONNECTIONS", 16)

    # Doors.
    host: str = _env("RAYDESK_HOST", "127.0.0.1")
    port: Port = _env("RAYDESK_PORT", 8000)
    public_url: str = _env("RAYDESK_PUBLIC_URL", "")
    trusted_proxies: Annotated[int, Field(ge=0, le=10)] = _env("RAYDESK_TRUSTED_PROXIES", 0)
    allowed_origins: Origins = _env("RAYDESK_ALLOWED_ORIGINS", ())
    gateway_replicas: Count = _made("RAYDESK_GATEWAY_REPLICAS", lambda: max(1, _cores() // 2))
    haproxy: Literal["auto", "on", "off"] = _env("RAYDESK_HAPROXY", "auto")
    password_door: Literal["auto", "on", "off"] = _env("RAYDESK_PASSWORD_DOOR", "auto")
    token_keys_dir: Path | None = _env("RAYDESK_TOKEN_KEYS_DIR", None)

    # Actors.
    place_session: Placement = _made("RAYDESK_PLACE_SESSION", lambda: min(16, 1 + _cores() // 4))
    place_agent: Placement = _made("RAYDESK_PLACE_AGENT", lambda: min(8, 1 + _cores() // 8))
    place_queue: Placement = _env("RAYDESK_PLACE_QUEUE", "per-entity")
    place_dispatch: Placement = _env("RAYDESK_PLACE_DISPATCH", "per-entity")
    keeper_period_s: Seconds = _env("RAYDESK_KEEPER_PERIOD_S", 0.5)
    keeper_dead_after_s: Seconds = _env("RAYDESK_KEEPER_DEAD_AFTER_S", 3.0)
    id_lease_s: Seconds = _env("RAYDESK_ID_LEASE_S", 30.0)
    config_check_s: Seconds = _env("RAYDESK_CONFIG_CHECK_S", 1.0)

    # Limits.
    frames_per_s: Seconds = _env("RAYDESK_FRAMES_PER_S", 50.0)
    frames_burst: Count = _env("RAYDESK_FRAMES_BURST", 100)
    connections_per_replica: Count = _env("RAYDESK_CONNECTIONS_PER_REPLICA", 20_000)
    inbox_limit: Count = _env("RAYDESK_INBOX_LIMIT", 20_000)
    slow_reader_bytes: Count = _env("RAYDESK_SLOW_READER_BYTES", 1_048_576)

    # Bots.
    bot_models: Count = _env("RAYDESK_BOT_MODELS", 1)
    bot_deadline_s: Seconds = _env("RAYDESK_BOT_DEADLINE_S", 0.3)
    bot_encoder: Path | None = _env("RAYDESK_BOT_ENCODER", None)
    llm_url: Annotated[str, AfterValidator(_http)] = _env("RAYDESK_LLM_URL", "")
    llm_model: str = _env("RAYDESK_LLM_MODEL", "")
    llm_key: SecretStr | None = _env("RAYDESK_LLM_KEY", None)
    llm_deadline_s: Seconds = _env("RAYDESK_LLM_DEADLINE_S", 8.0)
    llm_answers_per_minute: Count = _env("RAYDESK_LLM_ANSWERS_PER_MINUTE", 60)
    llm_characters_per_day: Count = _env("RAYDESK_LLM_CHARACTERS_PER_DAY", 4_000_000)

    # Learned assignment.
    assignment_models: Annotated[int, Field(ge=0)] = _env("RAYDESK_ASSIGNMENT_MODELS", 1)

    # What people see.
    log_level: Literal["debug", "info", "warning", "error"] = _env("RAYDESK_LOG_LEVEL", "info")
    log_format: Literal["auto", "json", "console"] = _env("RAYDESK_LOG_FORMAT", "auto")
    demo: bool = _env("RAYDESK_DEMO", True)
    demo_password: SecretStr = _env("RAYDESK_DEMO_PASSWORD", SecretStr("raydesk"))

    def placement(self, kind: Kind) -> int | Literal["per-entity"]:
        """Return `per-entity`, or the number of shards, of one kind of actor."""
        chosen: int | Literal["per-entity"] = getattr(self, f"place_{kind}")
        return chosen

    def make_data_dir(self) -> None:
        """Make the data folder its owner's alone: the directory and the signing keys are in it."""
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def external_redis(self) -> str | None:
        """REDIS_URL; None: the program starts its own Valkey."""
        return self.redis_url.get_secret_value() if self.redis_url else None

    @property
    def sql_url(self) -> str:
        """Return the SQLAlchemy URL with its async driver."""
        if self.database_url is None:
            return f"sqlite+aiosqlite:///{self.data_dir.absolute() / 'raydesk.sqlite3'}"
        return async_sql_url(self.database_url.get_secret_value())

    @property
    def takes_passwords(self) -> bool:
        """Whether `POST /v1/token` is there: with the demo, unless said otherwise."""
        match self.password_door:
            case "auto":
                return self.demo
            case chosen:
                return chosen == "on"

    @property
    def keys_dir(self) -> Path:
        """The folder of the token signing keys."""
        return self.token_keys_dir or self.data_dir / "keys"

    @property
    def base_url(self) -> str:
        """What people's browsers call us."""
        return self.public_url.rstrip("/") or f"http://localhost:{self.port}"


def async_sql_url(url: str) -> str:
    """Return a database URL with the async driver that Raydesk uses for it."""
    scheme, _, rest = url.partition("://")
    drivers = {"postgres": "asyncpg", "postgresql": "asyncpg", "sqlite": "aiosqlite"}
    if scheme in drivers:
        name = "postgresql" if scheme == "postgres" else scheme
        return f"{name}+{drivers[scheme]}://{rest}"
    return url


def names() -> dict[str, str]:
    """Return every environment name -> its field, in the order of `.env.example`."""
    return {str(field.validation_alias): name for name, field in Settings.model_fields.items()}


def unfamiliar(environ: Mapping[str, str]) -> dict[str, str]:
    """Return each `RAYDESK_` name that is no option -> the option probably meant, or ''."""
    known = list(names())
    strange = [n for n in environ if n.startswith("RAYDESK_") and n not in known]
    return {n: next(iter(difflib.get_close_matches(n, known, 1)), "") for n in sorted(strange)}


def load_settings(env_file: Path | str | None = ".env") -> Settings:
    """Return the options of this process; the environment wins over `env_file`.

    Raises:
        SettingsError: names each wrong variable, what is allowed, and the value (not a secret's).
    """
    try:
        return Settings(_env_file=env_file)  # type: ignore[call-arg]  # pydantic-settings' keyword
    except ValidationError as error:
        lines = [_explain(detail) for detail in error.errors()]
        raise SettingsError("Wrong settings:\n" + "\n".join(dict.fromkeys(lines))) from None


_SECRET = ("PASSWORD", "_URL", "_KEY")


def _explain(detail: ErrorDetails) -> str:
    name = str(detail["loc"][0])
    hidden = any(name.endswith(part) for part in _SECRET) and name != "RAYDESK_PUBLIC_URL"
    given = "(hidden)" if hidden else repr(detail["input"])
    allowed = detail["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"  {name}: {allowed}; given: {given}"
