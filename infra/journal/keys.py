"""The names of the journal's Redis keys.

Every key of a partition carries the hash tag `{pN}`, so that one partition's keys share a slot of
Redis Cluster. An organisation's id holds no `/` (the directory sees to it), so no id can be made
that names another organisation's key.
"""

from __future__ import annotations

from actors.addresses import Address
from actors.placement import Scope
from actors.ports import Track

EPOCH = "raydesk:epoch"
"""Counter of all fencing epochs ever given."""


def owner(scope: Scope, partition: int) -> str:
    """Hash `epoch`, `turn`: who may write the scope's part of the partition."""
    name = scope.kind if scope.entity is None else str(scope.entity)
    return f"{{p{partition}}}owner:{name}"


def live(kind: str, partition: int) -> str:
    """Set of the addresses that must be loaded again after a restart."""
    return f"{{p{partition}}}live:{kind}"


def tells(kind: str, partition: int) -> str:
    """Hash of tell id -> envelope: sent, but not yet known to be received."""
    return f"{{p{partition}}}tells:{kind}"


def outbox(partition: int) -> str:
    """Stream of journal frames on their way to the history store: pairs of address and frame."""
    return f"{{p{partition}}}outbox"


def facts(partition: int) -> str:
    """Stream of facts on their way to their stores: pairs of table/organisation/number and fact."""
    return f"{{p{partition}}}facts"


def acts(partition: int) -> str:
    """Stream of acts of supervision on their way to the audit: act/organisation/number and act."""
    return f"{{p{partition}}}acts"


def records(address: Address) -> str:
    """Hash of the entity's records."""
    return f"{{p{address.partition}}}r:{address}"


def timeline(address: Address, track: Track) -> str:
    """Sorted set of the session's encoded frames, by seq."""
    return f"{{p{address.partition}}}t:{address}" + ("" if track == "main" else ":aside")
