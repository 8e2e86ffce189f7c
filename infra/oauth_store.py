"""What the authorization server remembers for a while, in Redis: sign-ins under way, codes, and
families of refresh tokens.

Redis and not SQL: each is written once, read once or twice and expires by itself; using a code and
rotating a family must be atomic over all gateways, which a script of one key is. The store is as
durable as the journal. No code and no refresh token is stored: codes are kept by their digest, a
refresh token is family, generation and a MAC.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from typing import Literal, TypeVar, cast
from urllib.parse import quote

import msgspec
from redis.asyncio import Redis

IDLE_S = 24 * 3600.0
"""A family that nobody refreshes for this long has ended."""
LONGEST_S = 30 * 24 * 3600.0
"""A sign-in ends after this, however busy."""
GRACE_S = 30.0
"""For so long after a rotation the token before it gives the same answer again: the first answer
may have been lost on its way."""
DEVICE_S = 90 * 24 * 3600.0
USED_S = 3600
"""A used code is remembered this long, to notice its replay."""

T = TypeVar("T")


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """A registered client. `org`: the only organisation it is for; '': any (our own pages)."""

    id: str
    org: str = ""
    name: str = ""
    secret_hash: str = ""
    """SHA-256 of a long random secret; '': a public client."""
    redirect_uris: list[str] = []
    grants: list[str] = []
    role: str = "agent"
    """Of its own tokens (client credentials)."""


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation's identity provider (OpenID Connect)."""

    org: str
    id: str
    name: str = ""
    issuer: str
    client_id: str
    client_secret: str = ""
    login_claim: str = "sub"
    """Whose value is the account's id; must be one that people cannot choose themselves."""
    groups_claim: str = "groups"
    roles: dict[str, str] = {}
    """Group -> role; the highest counts; somebody in none of them may not come in."""
    provision: bool = False
    """Make accounts that do not exist yet."""
    audience: str = ""
    """Accept the provider's own access tokens for this audience at our doors; '': none."""


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in under way: what the client asked for, bound to one browser.

    `account` is set once the password was right and the second factor is awaited; `provider`,
    `nonce` and `verifier` while the person is at an identity provider.
    """

    request: dict[str, str]
    browser: str
    csrf: str
    org: str = ""
    account: str = ""
    stamp: str = ""
    tries: int = 0
    provider: str = ""
    nonce: str = ""
    verifier: str = ""


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """What an authorization code stands for."""

    client_id: str
    redirect_uri: str
    challenge: str
    org: str
    account: str
    auth_time: float
    stamp: str
    family: str
    used: bool = False


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """One sign-in on one device: the refresh tokens that follow each other."""

    key: str
    org: str
    account: str
    client_id: str
    auth_time: float
    stamp: str
    secret: str = msgspec.field(default_factory=lambda: secrets.token_hex(32))
    """Of the MAC in its refresh tokens."""


class Opened(msgspec.Struct, frozen=True):
    """A living family; its newest refresh token is of `generation`."""

    family: Family
    generation: int


class Rotation(msgspec.Struct, frozen=True):
    """What became of a refresh token: `new` or `repeat`: the answer is the token of `generation`;
    `reused`: an old one, somebody has a copy; `gone`: the family has ended."""

    kind: Literal["new", "repeat", "reused", "gone"]
    generation: int = 0


_ROTATE = """
-- KEYS: family. ARGV: generation presented, grace, idle life, longest life.
local generation = tonumber(redis.call('HGET', KEYS[1], 'generation') or '0')
if generation == 0 then return {'gone', 0} end
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local given = tonumber(ARGV[1])
if given == generation then
  local left = tonumber(redis.call('HGET', KEYS[1], 'opened_at')) + tonumber(ARGV[4]) - now
  if left <= 0 then redis.call('DEL', KEYS[1]) return {'gone', 0} end
  redis.call('HSET', KEYS[1], 'generation', generation + 1, 'rotated_at', tostring(now))
  redis.call('EXPIRE', KEYS[1], math.ceil(math.min(left, tonumber(ARGV[3]))))
  return {'new', generation + 1}
end
local rotated = tonumber(redis.call('HGET', KEYS[1], 'rotated_at') or '0')
if given == generation - 1 and now - rotated <= tonumber(ARGV[2]) then
  return {'repeat', generation}
end
if given < generation then return {'reused', generation} end
return {'gone', 0}
"""

_USE = """
-- KEYS: code. ARGV: how long a used one is remembered. 1: it is the caller's.
local body = redis.call('GET', KEYS[1])
if not body then return 0 end
local code = cjson.decode(body)
if code.used then return 0 end
code.used = true
redis.call('SET', KEYS[1], cjson.encode(code), 'EX', ARGV[1])
return 1
"""


class RedisGrants:
    """Implements `serve.oauth.ports.Grants`. Everything in it may be lost at the price of a new
    sign-in; nothing in it can be used by whoever only reads our traffic."""

    def __init__(self, redis: Redis, *, grace_s: float = GRACE_S) -> None:
        self._redis = redis
        self._grace_s = grace_s
        self._rotate = redis.register_script(_ROTATE)
        self._use = redis.register_script(_USE)

    async def put_pending(self, key: str, pending: Pending, life_s: float) -> None:
        """Keep a sign-in that is under way."""
        await self._redis.set(_name("s", key), msgspec.json.encode(pending), ex=int(life_s))

    async def pending(self, key: str) -> Pending | None:
        """Return it."""
        return _decoded(await self._redis.get(_name("s", key)), Pending)

    async def take_pending(self, key: str) -> Pending | None:
        """Return it and forget it; of two callers one gets it."""
        return _decoded(await self._redis.getdel(_name("s", key)), Pending)

    async def put_code(self, code: str, what: Code, life_s: float) -> None:
        """Keep an authorization code."""
        await self._redis.set(_name("c", digest(code)), msgspec.json.encode(what), ex=int(life_s))

    async def code(self, code: str) -> Code | None:
        """Return what the code stands for, also when it was used."""
        return _decoded(await self._redis.get(_name("c", digest(code))), Code)

    async def use_code(self, code: str) -> bool:
        """Mark the code used; False: it was, or it is gone."""
        return bool(await self._use(keys=[_name("c", digest(code))], args=[USED_S]))

    async def open_family(self, family: Family) -> None:
        """Begin a family of refresh tokens, at generation 1."""
        key, index = _name("f", family.key), _index(family.org, family.account)
        seconds, _ = await self._redis.time()
        body = msgspec.json.encode(family)
        async with self._redis.pipeline(transaction=False) as pipe:
            # The index first: a family that is not in it could not be ended with the others.
            pipe.sadd(index, family.key)
            pipe.expire(index, int(LONGEST_S))
            pipe.hset(key, mapping={"body": body, "generation": 1, "opened_at": int(seconds)})
            pipe.expire(key, int(IDLE_S))
            await pipe.execute()

    async def family(self, key: str) -> Opened | None:
        """Return a living family and its present generation."""
        body, generation = cast(
            "list[bytes | None]", await self._redis.hmget(_name("f", key), ["body", "generation"])
        )
        family = _decoded(body, Family)
        return None if family is None else Opened(family, int(generation or 0))

    async def rotate(self, key: str, generation: int) -> Rotation:
        """Use a refresh token of that generation: see `Rotation`."""
        args = [generation, self._grace_s, IDLE_S, LONGEST_S]
        kind, now = cast("list[bytes]", await self._rotate(keys=[_name("f", key)], args=args))
        return msgspec.convert([kind.decode(), int(now)], _Answer).rotation()

    async def end_family(self, key: str) -> None:
        """End one family."""
        opened = await self.family(key)
        await self._redis.delete(_name("f", key))
        if opened is not None:
            await self._redis.srem(_index(opened.family.org, opened.family.account), key)

    async def families_of(self, org: str, account: str) -> list[str]:
        """Return the keys of somebody's families; a few may have expired."""
        found = cast("set[bytes]", await self._redis.smembers(_index(org, account)))
        return [key.decode() for key in found]

    async def remember_device(self, org: str, account: str, device: str) -> None:
        """Know this browser again as one that the account signed in from."""
        key = _device(org, account, device)
        await self._redis.set(key, b"1", ex=int(DEVICE_S))

    async def knows_device(self, org: str, account: str, device: str) -> bool:
        """Tell whether the account signed in from this browser before."""
        key = _device(org, account, device)
        return bool(device) and bool(await self._redis.exists(key))

    async def once(self, key: str, life_s: float) -> bool:
        """Tell whether nobody asked for this key in the last `life_s` seconds."""
        return bool(await self._redis.set(_name("once", key), b"1", ex=int(life_s), nx=True))


class _Answer(msgspec.Struct, array_like=True):
    kind: Literal["new", "repeat", "reused", "gone"]
    generation: int

    def rotation(self) -> Rotation:
        return Rotation(self.kind, self.generation)


class RedisSealedKeys:
    """Where a rotation of the signing keys is announced (implements
    `serve.oauth.ports.SealedKeys`): only ciphertext comes here."""

    KEY = "{oauth}:keys"

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def read(self) -> dict[str, bytes]:
        """Return the sealed sets by key id."""
        found = cast("dict[bytes, bytes]", await self._redis.hgetall(self.KEY))
        return {kid.decode(): data for kid, data in found.items()}

    async def write(self, sealed: Mapping[str, bytes]) -> None:
        """Replace them."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.delete(self.KEY)
            for kid, data in sealed.items():
                pipe.hset(self.KEY, kid, data)
            await pipe.execute()


def digest(text: str) -> str:
    """Return the digest by which a random secret of ours is kept."""
    return hashlib.sha256(text.encode()).hexdigest()


def _name(kind: str, key: str) -> str:
    return f"oauth:{kind}:{{{quote(key, safe='')}}}"


def _device(org: str, account: str, device: str) -> str:
    return f"oauth:d:{{{quote(org, safe='')}:{quote(account, safe='')}}}:{digest(device)}"


def _index(org: str, account: str) -> str:
    return f"oauth:a:{{{quote(org, safe='')}:{quote(account, safe='')}}}"


def _decoded(body: bytes | str | None, kind: type[T]) -> T | None:
    return None if body is None else msgspec.json.decode(body, type=kind)
