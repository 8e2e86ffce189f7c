"""Which host an entity lives on: per-entity or N shards, one code path."""

from __future__ import annotations

from typing import Literal

import msgspec

from actors.addresses import KINDS, PARTITION_N, Address, Kind

PerEntity = Literal["per-entity"]
Rule = int | PerEntity


class Placement(msgspec.Struct, frozen=True):
    """One rule per kind: `per-entity`, or the number of shards (1 to PARTITION_N).

    A *role* names a place for a host and never changes while the placement stands: `session-0`
    (a shard) or `queue/acme/vip` (one entity). Hosts come and go; the role stays.
    """

    session: Rule = 1
    agent: Rule = 1
    queue: Rule = "per-entity"
    dispatch: Rule = "per-entity"

    def __post_init__(self) -> None:
        for kind in KINDS:
            rule = self.rule(kind)
            if isinstance(rule, int) and not 1 <= rule <= PARTITION_N:
                raise ValueError(f"placement of {kind}: 1 to {PARTITION_N} shards, not {rule}")

    def rule(self, kind: Kind) -> Rule:
        """Return the kind's rule."""
        match kind:
            case "session":
                return self.session
            case "agent":
                return self.agent
            case "queue":
                return self.queue
            case "dispatch":
                return self.dispatch

    def role(self, address: Address) -> str:
        """Return the role that hosts the entity."""
        rule = self.rule(address.kind)
        if rule == "per-entity":
            return str(address)
        return f"{address.kind}-{address.partition % rule}"

    def shards(self) -> list[str]:
        """Return every role that exists from the start: the shards of the sharded kinds."""
        rules = ((kind, self.rule(kind)) for kind in KINDS)
        return [f"{kind}-{n}" for kind, rule in rules if isinstance(rule, int) for n in range(rule)]

    def scope(self, role: str) -> Scope:
        """Return what a role hosts.

        Raises:
            ValueError: no such role under this placement.
        """
        if "/" in role:
            kind, org, entity = role.split("/", 2)
            return Scope(kind=_kind(kind), entity=Address(_kind(kind), org, entity))
        kind, _, shard = role.rpartition("-")
        rule = self.rule(_kind(kind))
        if not isinstance(rule, int) or not 0 <= int(shard) < rule:
            raise ValueError(f"{role} does not exist: {kind} is placed {rule}")
        return Scope(kind=_kind(kind), partitions=tuple(range(int(shard), PARTITION_N, rule)))


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """What one host owns: all entities of `kind` in `partitions`, or just `entity`."""

    kind: Kind
    partitions: tuple[int, ...] = ()
    entity: Address | None = None

    def all_partitions(self) -> tuple[int, ...]:
        """Return the partitions in which the host's entities store their state."""
        return self.partitions if self.entity is None else (self.entity.partition,)

    def holds(self, address: Address) -> bool:
        """True when the entity belongs here."""
        if self.entity is not None:
            return address == self.entity
        return address.kind == self.kind and address.partition in self.partitions


def _kind(text: str) -> Kind:
    for kind in KINDS:
        if kind == text:
            return kind
    raise ValueError(f"no such kind of actor: {text!r}; one of {', '.join(KINDS)}")
