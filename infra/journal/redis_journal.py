"""`RedisJournal`: one host's group commits and loads, by Lua scripts on Redis or Valkey."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from importlib import resources
from typing import Any

import msgspec
import structlog
from redis.asyncio import Redis
from redis.exceptions import (
    BusyLoadingError,
    ConnectionError,  # noqa: A004  the name redis-py gives it
    NoScriptError,
    ReadOnlyError,
    TimeoutError,  # noqa: A004  same
)

from actors.addresses import PARTITION_N, Address
from actors.messages import Envelope
from actors.placement import Scope
from actors.ports import Change, FencedError, Stored, Track
from infra.journal import keys

KEEP_S = 3 * 24 * 3600
"""How long the keys of an entity that is over stay; the history store is then the record."""
FACTS_CAP = 200_000
"""Entries kept of each partition's facts while no recorder runs: one a turn that has any. At the
full speed of one dispatch that is an hour; then the oldest go, so that Redis does not fill up."""
RETRY_S = 0.05
RETRY_MOST_S = 1.0
TRANSIENT = (ConnectionError, TimeoutError, BusyLoadingError, ReadOnlyError, OSError)

log = structlog.get_logger()
_envelopes = msgspec.msgpack.Decoder(Envelope)


class _Script:
    """A Lua file and its digest."""

    def __init__(self, name: str) -> None:
        self.text = resources.files("infra.journal").joinpath(name).read_text("utf-8")
        self.sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


COMMIT, CLAIM = _Script("commit.lua"), _Script("claim.lua")


class RedisJournal:
    """The journal of the host with this scope and epoch (implements `actors.ports.Journal`).

    Args:
        redis: client with binary answers; the journal does not own it.
        scope: what the host owns.
        epoch: the host's fencing epoch; larger than that of any host of the scope before it.
        cluster: True sends one script call per partition (Redis Cluster allows no more).
        outbox_cap: entries kept for the history store, over all partitions.
    """

    def __init__(
        self, redis: Redis, scope: Scope, epoch: int, *, cluster: bool, outbox_cap: int
    ) -> None:
        self._redis = redis
        self._scope = scope
        self._epoch = str(epoch)
        self._turn = 0
        self._cluster = cluster
        self._outbox_cap = str(max(1, outbox_cap // PARTITION_N))
        self._owners = {p: keys.owner(scope, p) for p in scope.all_partitions()}

    async def claim(self) -> None:
        """Make this host's epoch the owner's; see `Journal.claim`."""
        owners = list(self._owners.values())
        calls = [[owner] for owner in owners] if self._cluster else [owners]
        for call in calls:
            await self._run(CLAIM, call, [self._epoch])

    async def commit(self, changes: Sequence[Change], done: Sequence[tuple[int, str]]) -> None:
        """Write one turn; see `Journal.commit`."""
        self._turn += 1
        groups: dict[int, tuple[list[Change], list[str]]] = {}
        for change in changes:
            groups.setdefault(change.address.partition, ([], []))[0].append(change)
        for partition, tell_id in done:
            groups.setdefault(partition, ([], []))[1].append(tell_id)
        parts = list(groups.items())
        for some in [[part] for part in parts] if self._cluster else [parts]:
            await self._run(COMMIT, *self._arguments(some))

    def _arguments(
        self, parts: list[tuple[int, tuple[list[Change], list[str]]]]
    ) -> tuple[list[str], list[Any]]:
        turn = str(self._turn)
        names = [self._owners[partition] for partition, _ in parts]
        args: list[Any] = [str(KEEP_S), self._outbox_cap, str(FACTS_CAP), str(len(parts))]
        for _ in parts:
            args += (self._epoch, turn)
        kind = self._scope.kind
        for partition, (changes, done) in parts:
            names += (keys.live(kind, partition), keys.tells(kind, partition))
            names += (keys.outbox(partition), keys.facts(partition), keys.acts(partition))
            args.append(str(len(done)))
            args += done
            args.append(str(len(changes)))
            for change in changes:
                _add_change(change, names, args)
        return names, args

    async def load(self, addresses: Sequence[Address]) -> list[Stored]:
        """Return what is stored of each address; see `Journal.load`."""
        pipe = self._redis.pipeline(transaction=False)
        for address in addresses:
            pipe.hgetall(keys.records(address))
            if address.kind == "session":
                pipe.zrange(keys.timeline(address, "main"), 0, -1)
                pipe.zrange(keys.timeline(address, "aside"), 0, -1)
        answers = iter(await pipe.execute())
        found = []
        for address in addresses:
            records = {field.decode(): value for field, value in next(answers).items()}
            frames = next(answers) + next(answers) if address.kind == "session" else []
            found.append(Stored(records, frames))
        return found

    async def live(self) -> list[Address]:
        """Return the live entities of the scope; see `Journal.live`."""
        pipe = self._redis.pipeline(transaction=False)
        for partition in self._scope.all_partitions():
            pipe.smembers(keys.live(self._scope.kind, partition))
        return [
            address
            for members in await pipe.execute()
            for address in map(parse_address, sorted(members))
            if self._scope.holds(address)
        ]

    async def pending_tells(self) -> list[tuple[int, str, Envelope]]:
        """Return the scope's unconfirmed tells, oldest first; see `Journal.pending_tells`."""
        partitions = self._scope.all_partitions()
        pipe = self._redis.pipeline(transaction=False)
        for partition in partitions:
            pipe.hgetall(keys.tells(self._scope.kind, partition))
        found = [
            (partition, tell_id.decode(), _envelopes.decode(data))
            for partition, tells in zip(partitions, await pipe.execute(), strict=True)
            for tell_id, data in tells.items()
        ]
        mine = [t for t in found if t[2].sender is None or self._scope.holds(t[2].sender)]
        return sorted(mine, key=lambda tell: tell[1])

    async def frames(
        self, spans: Sequence[tuple[Address, Track, int, int]]
    ) -> list[list[tuple[int, bytes]]]:
        """Return the frames of each span; see `Journal.frames`."""
        return await read_frames(self._redis, spans)

    async def _run(self, script: _Script, names: list[str], args: list[Any]) -> None:
        """Run a script until the store answers: it is safe to repeat (epoch and turn)."""
        wait_s = RETRY_S
        while True:
            try:
                answer = await self._evaluate(script, names, args)
                break
            except TRANSIENT as error:
                log.warning("journal.unreachable", error=str(error), retry_s=wait_s)
                await asyncio.sleep(wait_s)
                wait_s = min(RETRY_MOST_S, wait_s * 2)
        if answer == b"fenced":
            raise FencedError(f"epoch {self._epoch} of {self._scope} has been superseded")

    async def _evaluate(self, script: _Script, names: list[str], args: list[Any]) -> Any:
        run: Any = self._redis.execute_command
        try:
            return await run("EVALSHA", script.sha, len(names), *names, *args)
        except NoScriptError:
            return await run("EVAL", script.text, len(names), *names, *args)


def _add_change(change: Change, names: list[str], args: list[Any]) -> None:
    """Append one entity's change in the order that commit.lua reads it."""
    address = change.address
    names += (
        keys.records(address),
        keys.timeline(address, "main"),
        keys.timeline(address, "aside"),
    )
    args += (str(address), "" if change.live is None else "1" if change.live else "0")
    args += (len(change.puts), len(change.drops))
    args += (len(change.frames) + len(change.scrubs), len(change.tells))
    args.append(len(change.facts))
    for field, value in change.puts.items():
        args += (field, value)
    args += change.drops
    for track, seq, frame in change.frames:
        args += ("m" if track == "main" else "a", seq, frame)
    for track, seq, frame in change.scrubs:
        args += ("s" if track == "main" else "t", seq, frame)
    for tell_id, tell in change.tells:
        args += (tell_id, tell)
    for name, fact in change.facts:
        # Clients read an entry as a dict: its names must differ.
        args += (f"{name}/{len(args)}", fact)


async def read_frames(
    redis: Redis, spans: Sequence[tuple[Address, Track, int, int]]
) -> list[list[tuple[int, bytes]]]:
    """Return for each (session, track, after, upto) its (seq, encoded frame) pairs, ascending."""
    pipe = redis.pipeline(transaction=False)
    for address, track, after, upto in spans:
        pipe.zrangebyscore(keys.timeline(address, track), f"({after}", upto, withscores=True)
    return [[(int(seq), frame) for frame, seq in rows] for rows in await pipe.execute()]


def parse_address(text: bytes) -> Address:
    """Return the address that `str(address)` printed."""
    kind, org, entity = text.decode().split("/", 2)
    return msgspec.convert([kind, org, entity], Address)
