"""`python -m serve.oauth client | provider | rotate-keys | end`: what is set up by hand."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import secrets
import sys
import time
from pathlib import Path

import msgspec
from sqlalchemy.exc import IntegrityError

from actors.acts import Act, Source
from actors.permissions import NOT_OF_ACCOUNTS
from infra.acts import ActStreams
from infra.directory.store import Directory
from infra.oauth_store import Client, Provider, RedisGrants, RedisSealedKeys, digest
from infra.oauth_store_sql import SqlRegistry
from infra.redis_client import connect
from infra.revocation import RedisRevocations
from infra.settings import Settings, SettingsError, load_settings
from serve.oauth.companies import is_safe
from serve.oauth.ending import RETAIN_S, Ending
from serve.signing_keys import load_key_set, rotate, seal


async def add_client(registry: SqlRegistry, given: argparse.Namespace) -> str:
    """Register a client and return its secret, which is shown this once."""
    secret = "" if given.public else secrets.token_urlsafe(32)
    grants = ["authorization_code", "refresh_token"] if given.redirect else []
    client = Client(
        id=given.id,
        org=given.org,
        name=given.name or given.id,
        secret_hash=digest(secret) if secret else "",
        redirect_uris=given.redirect,
        grants=grants if given.public else [*grants, "client_credentials"],
        role=given.role,
    )
    await registry.set_client(client)
    return f"client_id {given.id}\nclient_secret {secret or '(none: a public client)'}\n"


async def add_provider(registry: SqlRegistry, given: argparse.Namespace) -> str:
    """Configure an identity provider from a JSON file of `infra.oauth_store.Provider`.

    Raises:
        ValueError: the file is wrong, or the issuer is no https address.
    """
    text = await asyncio.to_thread(Path(given.file).read_bytes)
    provider = msgspec.json.decode(text, type=Provider)
    if not is_safe(provider.issuer, provider.issuer):
        raise ValueError("issuer: an https address")
    await registry.set_provider(provider)
    return f"configured {provider.id} of {provider.org}\n"


async def in_sql(given: argparse.Namespace, settings: Settings) -> str:
    """Run a command that changes what is registered."""
    directory = Directory(settings.sql_url)
    try:
        registry = SqlRegistry(directory.engine)
        await registry.prepare()
        if given.command == "client":
            return await add_client(registry, given)
        return await add_provider(registry, given)
    finally:
        await directory.close()


async def in_redis(given: argparse.Namespace, settings: Settings) -> str:
    """Run a command that running gateways are to hear of. With the private store, a rotation takes
    effect at the next start.

    Raises:
        SettingsError: no REDIS_URL, so nobody would hear of what ends.
    """
    if settings.external_redis is None and given.command == "rotate-keys":
        keys = await asyncio.to_thread(rotate, settings.keys_dir, time.time(), RETAIN_S)
        return f"key {keys.keys[0].kid} signs from the next start on; older ones verify on\n"
    if settings.external_redis is None:
        raise SettingsError("REDIS_URL is needed, to tell the running system")
    redis = connect(settings.external_redis)
    try:
        if given.command == "end":
            ending = Ending(RedisGrants(redis), RedisRevocations(redis))
            await ActStreams(redis).append(given.org, _ended(given.account))
            await ending.person(given.org, given.account)
            return f"ended every sign-in of {given.account}\n"
        await asyncio.to_thread(rotate, settings.keys_dir, time.time(), RETAIN_S)
        keys = load_key_set(settings.keys_dir)
        await RedisSealedKeys(redis).write(seal(keys))
        return f"key {keys.keys[0].kid} signs in a few seconds; older ones verify on\n"
    finally:
        await redis.aclose()


def _ended(account: str) -> Act:
    return Act(
        id=secrets.token_hex(16),
        at=time.time(),
        action="sign_out",
        resource="accounts",
        row=account,
        actor=f"(command line) {getpass.getuser()}",
        role="system",
        source=Source(client="serve.oauth"),
    )


def _client_role(text: str) -> str:
    """Return a role that a client may have: it works in one organisation, and is no customer."""
    if text in NOT_OF_ACCOUNTS or text == "super_admin":
        raise argparse.ArgumentTypeError(f"not {text}")
    return text


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(prog="python -m serve.oauth")
    commands = made.add_subparsers(dest="command", required=True)
    client = commands.add_parser("client", help="register or replace a client")
    client.add_argument("org")
    client.add_argument("id")
    client.add_argument("--name", default="")
    client.add_argument("--redirect", action="append", default=[], help="exact; repeatable")
    client.add_argument("--public", action="store_true", help="without a secret")
    client.add_argument("--role", type=_client_role, default="integration")
    provider = commands.add_parser("provider", help="configure an identity provider")
    provider.add_argument("file", help="JSON: see docs/identity.md")
    commands.add_parser("rotate-keys", help="sign with a new key")
    end = commands.add_parser("end", help="end every sign-in of somebody, at once")
    end.add_argument("org")
    end.add_argument("account")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 1: it failed, the reason is on standard error."""
    given = parser().parse_args(arguments)
    work = in_sql if given.command in ("client", "provider") else in_redis
    try:
        sys.stdout.write(asyncio.run(work(given, load_settings())))
    except IntegrityError:
        sys.stderr.write("there is no such organisation\n")
        return 1
    except (SettingsError, ValueError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
