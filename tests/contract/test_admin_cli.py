"""`python -m serve.admin` on a database of its own, as a program."""

import asyncio
import shutil
import sqlite3
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
import yaml
from argon2 import PasswordHasher

from actors.dispatch.guarded import use_folder
from infra.directory.store import Directory
from infra.settings import async_sql_url, load_settings
from serve.admin.__main__ import main


@pytest.fixture
def cli(monkeypatch, tmp_path, capsys):
    """Run a command; return its code, what it printed, and what it complained of."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAYDESK_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("DATABASE_URL", raising=False)

    def run(*words):
        code = main(list(words))
        out = capsys.readouterr()
        return code, out.out, out.err

    return run


@pytest.fixture(scope="session")
def first_steps(tmp_path_factory):
    """A database with an organisation and its administrator; return it and the password."""
    folder = tmp_path_factory.mktemp("first")
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as out:
        patch.setenv("RAYDESK_DATA_DIR", str(folder))
        patch.delenv("DATABASE_URL", raising=False)
        patch.chdir(folder)
        assert main(["create-organisation", "acme", "--name", "甲"]) == 0
        assert main(["create-administrator", "acme", "ann"]) == 0
        path = database_file()
    return path, out.getvalue().split()[-1]


def database_file():
    """Return where the configured database is."""
    return Path(load_settings().sql_url.removeprefix(async_sql_url("sqlite:///")))


@pytest.fixture
def acme(cli, first_steps):
    """An organisation with an administrator, whose password it is."""
    made, password = first_steps
    shutil.copyfile(made, database_file())
    return password


async def test_an_administrator_made_by_hand_can_sign_in(cli, acme):
    directory = Directory(load_settings().sql_url)
    found = await directory.find("acme", "ann")
    await directory.close()
    assert (found.role, found.enabled) == ("admin", True)
    assert PasswordHasher().verify(found.password_hash, acme)


async def test_a_super_administrator_is_made_by_hand(cli, acme):
    code, out, _ = await asyncio.to_thread(cli, "create-administrator", "acme", "root", "--super")
    assert code == 0
    assert "created super administrator root of acme\n" in out
    directory = Directory(load_settings().sql_url)
    found = await directory.find("acme", "root")
    await directory.close()
    assert found.role == "super_admin"


def test_a_password_is_read_from_standard_input(cli, acme, monkeypatch, tmp_path):
    typed = tmp_path / "typed"
    typed.write_text("a-long-password\n")
    with typed.open() as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        code, out, _ = cli("create-administrator", "acme", "bob", "--password-stdin")
    assert code == 0
    assert "password" not in out
    typed.write_text("short\n")
    with typed.open() as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert cli("create-administrator", "acme", "eve", "--password-stdin")[0] == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("create-organisation", "acme"), "'acme' already"),
        (("create-organisation", "a b"), "org"),
        (("create-administrator", "nobody", "ann"), "no organisation 'nobody'"),
        (("create-administrator", "acme", "ann"), "'ann' already"),
        (("create-administrator", "acme", "a b"), "agents"),
        (("export", "nobody"), "no organisation 'nobody'"),
        (("import", "missing.yaml"), "cannot be read"),
        (("verify-audit", "nobody"), "no organisation 'nobody'"),
    ],
)
def test_what_cannot_be_done_is_said(cli, acme, words, told):
    code, _, complaint = cli(*words)
    assert code == 1
    assert told in complaint


def test_an_export_goes_back_in(cli, acme, tmp_path):
    code, whole, _ = cli("export", "acme")
    assert code == 0
    assert "$argon2id$" in whole
    Path(tmp_path / "acme.yaml").write_text(whole)
    told = "imported acme: 0 created, 0 updated, 0 deleted\n"
    assert cli("import", "acme.yaml") == (0, told, "")
    assert "$argon2id$" not in cli("export", "acme", "--without-secrets")[1]


def test_a_file_with_a_policy_that_is_not_there_is_refused(cli, acme, monkeypatch, tmp_path):
    (tmp_path / "mine.py").write_text("class Mine: ...")
    code, text, _ = cli("export", "acme")
    assert code == 0
    for policy, folder, told in (
        ("no_such", "", "queues.main.policy: one of ["),
        ("mine.py:Mine", "", "no file 'mine.py' in RAYDESK_POLICIES_DIR"),
        ("mine.py:Other", str(tmp_path), "a class that the file has, of ['Mine']"),
        ("mine.py:Mine", str(tmp_path), ""),
    ):
        monkeypatch.setenv("RAYDESK_POLICIES_DIR", folder)
        content = yaml.safe_load(text)
        content["queues"]["main"]["policy"] = policy
        file = tmp_path / "acme.yaml"
        file.write_text(yaml.safe_dump(content, allow_unicode=True))
        code, _, complaint = cli("import", str(file))
        assert (code, told in complaint) == (int(bool(told)), True)
    use_folder(None)


def test_an_audit_that_was_tampered_with_is_told_by_the_exit_code(cli, acme):
    code, out, _ = cli("verify-audit")
    assert code == 0
    assert out.startswith("acme: 3 entries, whole, ends with ")
    with sqlite3.connect(database_file()) as connection:
        connection.execute("DROP TRIGGER audit_append_only_update")
        connection.execute("UPDATE audit SET actor = 'x' WHERE number = 2")
    code, _, complaint = cli("verify-audit", "acme")
    assert (code, complaint) == (2, "the audit is broken:\nacme: entry 2 was changed\n")
