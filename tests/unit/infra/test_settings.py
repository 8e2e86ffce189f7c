"""Options come from the environment, and a wrong one is explained."""

import pickle
from pathlib import Path

import pytest

from infra.settings import Settings, SettingsError, async_sql_url, load_settings, names, unfamiliar

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch):
    for name in names():
        monkeypatch.delenv(name, raising=False)


def example() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_the_example_names_exactly_the_settings_in_their_order():
    assert list(example()) == list(names())


def test_the_example_states_the_defaults():
    assert load_settings(ROOT / ".env.example") == load_settings(None)


def test_an_environment_variable_wins_over_the_file(monkeypatch, tmp_path):
    (tmp_path / "env").write_text("RAYDESK_PORT=1111\nRAYDESK_LOG_LEVEL=debug\n")
    monkeypatch.setenv("RAYDESK_PORT", "2222")
    settings = load_settings(tmp_path / "env")
    assert (settings.port, settings.log_level) == (2222, "debug")


def test_each_kind_of_actor_is_placed_per_entity_or_by_number(monkeypatch):
    monkeypatch.setenv("RAYDESK_PLACE_SESSION", "per-entity")
    monkeypatch.setenv("RAYDESK_PLACE_QUEUE", "3")
    settings = load_settings(None)
    assert settings.placement("session") == "per-entity"
    assert settings.placement("queue") == 3
    assert settings.placement("dispatch") == "per-entity"
    assert settings.placement("agent") in range(1, 9)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("RAYDESK_PLACE_AGENT", "0", "`per-entity` or a number of shards from 1 to 16"),
        ("RAYDESK_PLACE_AGENT", "每个", "`per-entity` or a number of shards from 1 to 16"),
        ("RAYDESK_PORT", "99999", "less than or equal to 65535"),
        ("RAYDESK_HAPROXY", "maybe", "'auto', 'on' or 'off'"),
        ("RAYDESK_FRAMES_PER_S", "fast", "valid number"),
        ("RAYDESK_INBOX_LIMIT", "0", "greater than or equal to 1"),
        ("RAYDESK_ALLOWED_ORIGINS", "https://*.shop.example", "exact origins"),
        ("RAYDESK_DEMO", "perhaps", "boolean"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(monkeypatch, name, value, allowed):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings(None)
    assert name in str(caught.value)
    assert allowed in str(caught.value)
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize("name", ["REDIS_URL", "DATABASE_URL", "S3_ENDPOINT_URL"])
def test_a_wrong_url_does_not_show_its_password(monkeypatch, name):
    monkeypatch.setenv(name, "gopher://me:hunter2@host")
    with pytest.raises(SettingsError) as caught:
        load_settings(None)
    assert name in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_every_wrong_value_is_told_at_once(monkeypatch):
    monkeypatch.setenv("RAYDESK_PORT", "x")
    monkeypatch.setenv("RAYDESK_DEMO", "x")
    with pytest.raises(SettingsError, match=r"(?s)RAYDESK_PORT.*RAYDESK_DEMO"):
        load_settings(None)


def test_secrets_are_not_printed(monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://:hunter2@host/0")
    monkeypatch.setenv("RAYDESK_DEMO_PASSWORD", "hunter2")
    settings = load_settings(None)
    assert "hunter2" not in repr(settings)
    assert settings.external_redis == "redis://:hunter2@host/0"


def test_settings_travel_between_processes():
    settings = Settings(place_agent=3, data_dir=Path("here"))
    assert pickle.loads(pickle.dumps(settings)) == settings


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgres://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
        ("postgresql://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
        ("postgresql+asyncpg://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
        ("sqlite:///x.db", "sqlite+aiosqlite:///x.db"),
    ],
)
def test_a_database_url_gets_its_async_driver(given, used):
    assert async_sql_url(given) == used


def test_a_mistyped_name_is_recognised():
    strange = unfamiliar({"RAYDESK_PROT": "1", "RAYDESK_PORT": "1", "HOME": "/"})
    assert strange == {"RAYDESK_PROT": "RAYDESK_PORT"}
