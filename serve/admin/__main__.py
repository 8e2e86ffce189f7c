"""`python -m serve.admin`: what is done on the machine itself, before anybody can sign in."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import os
import secrets
import sys
from pathlib import Path

from argon2 import PasswordHasher

from actors.dispatch.guarded import use_folder
from infra.directory.audit import BrokenChain, By
from infra.directory.declared import DeclarationError, parse, read_file, to_yaml
from infra.directory.declared_rows import DeclaredAgent
from infra.directory.kinds import BY_NAME
from infra.directory.migrate import upgrade
from infra.directory.refusals import no_organisation
from infra.directory.store import Directory
from infra.settings import Settings, SettingsError, load_settings

PASSWORD_N = 8
"""Fewest characters."""


class BrokenAuditError(Exception):
    """An audit chain is broken; the text says where."""


async def create_organisation(directory: Directory, given: argparse.Namespace, by: By) -> str:
    """Make an organisation with one queue that every agent serves."""
    queue = given.queue
    content = {
        "org": given.org,
        "name": given.name or given.org,
        "entry_queue": queue,
        "queues": {queue: {"name": queue}},
    }
    await directory.create(parse(content, "the command"), by)
    return f"created organisation {given.org}; next: create-administrator {given.org} NAME\n"


async def create_administrator(directory: Directory, given: argparse.Namespace, by: By) -> str:
    """Make an account that administers; its password is read, or made and shown this once."""
    password, told = secrets.token_urlsafe(12), "made, shown this once: "
    if given.password_stdin:
        password, told = sys.stdin.readline().rstrip("\r\n"), ""
        if len(password) < PASSWORD_N:
            raise DeclarationError(f"a password has at least {PASSWORD_N} characters")
    name = given.name or given.account
    hashed = await asyncio.to_thread(PasswordHasher().hash, password)
    role = "super_admin" if given.super else "admin"
    account = {"name": name, "role": role, "password_hash": hashed}
    async with directory.writing(given.org, by) as writer:
        value = DeclaredAgent.model_validate(account)
        parse_id(given.account)
        await writer.create(BY_NAME["accounts"], given.account, value)
    shown = f"password {told}{password}\n" if told else ""
    kind = "super administrator" if given.super else "administrator"
    return f"created {kind} {given.account} of {given.org}\n{shown}"


def parse_id(text: str) -> None:
    """Check an account's id as a file's would be.

    Raises:
        DeclarationError: it cannot be one.
    """
    row = {"org": "o", "name": "n", "entry_queue": "q", "queues": {"q": {"name": "q"}}}
    parse({**row, "agents": {text: {"name": "n"}}}, "the account's id")


async def verify_audit(directory: Directory, given: argparse.Namespace, _: By) -> str:
    """Recompute the audit chains; print the end of each, to be kept elsewhere.

    Raises:
        BrokenAuditError: one is broken.
    """
    found = await directory.verify_audit(given.org)
    if given.org and not found:
        raise no_organisation(given.org)
    broken = [
        f"{one.org}: entry {one.number} {one.problem}"
        for one in found
        if isinstance(one, BrokenChain)
    ]
    if broken:
        raise BrokenAuditError("\n".join(broken))
    lines = [
        f"{one.org}: {one.entries} entries, whole, ends with {one.last or '(nothing)'}\n"
        for one in found
        if not isinstance(one, BrokenChain)
    ]
    return "".join(lines)


async def import_file(directory: Directory, given: argparse.Namespace, by: By) -> str:
    """Make an organisation exactly as a file says."""
    declared = await asyncio.to_thread(read_file, given.file)
    demo = {"RAYDESK_DEMO_PASSWORD": load_settings().demo_password.get_secret_value()}
    done = await directory.replace(declared, {**demo, **os.environ}, by)
    counts = ", ".join(f"{n} {what}" for what, n in done.items())
    return f"imported {declared.org}: {counts}\n"


async def export_file(directory: Directory, given: argparse.Namespace, _: By) -> str:
    """Return an organisation as a file."""
    found = await directory.read(given.org)
    if found is None:
        raise no_organisation(given.org)
    return to_yaml(found, secrets=not given.without_secrets)


def rotate_keys() -> int:
    """Sign with a new key: the authorization server's own command, under the name that is looked
    for here."""
    from serve.oauth.__main__ import main as oauth  # noqa: PLC0415  # no other command needs it

    return oauth(["rotate-keys"])


COMMANDS = {
    "create-organisation": create_organisation,
    "create-administrator": create_administrator,
    "verify-audit": verify_audit,
    "import": import_file,
    "export": export_file,
}


async def run(given: argparse.Namespace, settings: Settings) -> str:
    """Run one command on the configured database and return what to print."""
    settings.make_data_dir()
    use_folder(settings.policies_dir)
    directory = Directory(settings.sql_url)
    by = By(subject=f"(command line) {getpass.getuser()}", role="system", client="serve.admin")
    try:
        await upgrade(directory.engine)
        return await COMMANDS[given.command](directory, given, by)
    finally:
        await directory.close()


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(prog="python -m serve.admin")
    commands = made.add_subparsers(dest="command", required=True)
    new = commands.add_parser("create-organisation", help="make an organisation with one queue")
    new.add_argument("org")
    new.add_argument("--name", default="")
    new.add_argument("--queue", default="main")
    admin = commands.add_parser("create-administrator", help="make an account that administers")
    admin.add_argument("org")
    admin.add_argument("account")
    admin.add_argument("--name", default="")
    admin.add_argument("--super", action="store_true", help="may also list and make organisations")
    admin.add_argument("--password-stdin", action="store_true", help="else one is made")
    audit = commands.add_parser("verify-audit", help="recompute the audit chains")
    audit.add_argument("org", nargs="?", default="", help="else all that ever were")
    load = commands.add_parser("import", help="make an organisation exactly as a file says")
    load.add_argument("file", type=Path)
    save = commands.add_parser("export", help="print an organisation as a file")
    save.add_argument("org")
    save.add_argument("--without-secrets", action="store_true")
    commands.add_parser("rotate-keys", help="sign with a new key")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 1: it failed, standard error says why; 2: the audit is broken."""
    given = parser().parse_args(arguments)
    if given.command == "rotate-keys":
        return rotate_keys()
    try:
        sys.stdout.write(asyncio.run(run(given, load_settings())))
    except BrokenAuditError as error:
        sys.stderr.write(f"the audit is broken:\n{error}\n")
        return 2
    except (DeclarationError, SettingsError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
