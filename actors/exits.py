"""What leaves a host after a commit: frames to gateways, notes to stores, metrics and logs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from actors.addresses import Address, Conn
from actors.effects import Count, Deliver, Forget, Log, Refuse, Remember, Replay
from actors.frames import Error, encode_frame
from actors.outlets import Outlets
from actors.ports import CustomerIndex, Delivery, Journal, Metrics
from actors.turn import Noted, Turn

log = structlog.get_logger()

Span = tuple[Address, str, int, int]


async def deliver(turn: Turn, outlets: Outlets, journal: Journal) -> None:
    """Queue every frame of the turn at the outlet of its socket's gateway, in order."""
    replays = [
        (address, effect)
        for address, effects in turn.outgoing.items()
        for effect in effects
        if isinstance(effect, Replay)
    ]
    spans = [(address, r.track, r.after, r.upto) for address, r in replays]
    replayed = iter(await journal.frames(spans)) if spans else iter(())
    for address, effects in turn.outgoing.items():
        for effect in effects:
            match effect:
                case Deliver():
                    _deliver_one(turn, outlets, address, effect)
                case Replay(conn, _, _, track):
                    for seq, data in next(replayed):
                        delivery = Delivery((conn.number,), data, address.id, seq, track)
                        _add(outlets, conn.gateway, delivery)
                case Refuse():
                    _refuse(outlets, address, effect)


def _deliver_one(turn: Turn, outlets: Outlets, address: Address, effect: Deliver) -> None:
    frame = effect.frame
    data = turn.encoded(frame)
    seq = 0
    if frame.__struct_config__.tag in ("message", "event"):
        seq = getattr(frame, "seq", 0)
    session = address.id if seq else ""
    for gateway, numbers in _by_gateway(effect.conns).items():
        _add(outlets, gateway, Delivery(tuple(numbers), data, session, seq, effect.track))


def _by_gateway(conns: Sequence[Conn]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for conn in conns:
        found.setdefault(conn.gateway, []).append(conn.number)
    return found


def _refuse(outlets: Outlets, address: Address, refuse: Refuse) -> None:
    error = Error(
        code=refuse.code,
        detail=refuse.detail,
        client_id=refuse.client_id,
        session=address.id if address.kind == "session" else "",
    )
    delivery = Delivery((refuse.conn.number,), encode_frame(error))
    _add(outlets, refuse.conn.gateway, delivery)


def _add(outlets: Outlets, gateway: str, delivery: Delivery) -> None:
    outlet = outlets.get(gateway)
    if outlet is not None and not outlet.closed:
        outlet.add(delivery)


async def note(
    noted: Sequence[tuple[Address, Noted]], metrics: Metrics, customers: CustomerIndex, actor: str
) -> None:
    """Count, log, and tell the customer index; the index is soft, so its failure is only logged."""
    waits = []
    for address, effect in noted:
        match effect:
            case Count(name, value, label):
                metrics.add(name, value, label, address.org)
            case Log(event, fields):
                log.info(
                    event,
                    org=address.org,
                    entity=f"{address.kind}/{address.id}",
                    actor=actor,
                    **fields,
                )
            case Remember(customer, agent, at, decision):
                waits.append(
                    customers.remember(
                        address.org, customer, agent, at, session=address.id, decision=decision
                    )
                )
            case Forget(customer, session, bot_ended_at):
                waits.append(customers.forget(address.org, customer, session, bot_ended_at))
    for failure in await asyncio.gather(*waits, return_exceptions=True):
        if isinstance(failure, Exception):
            log.warning("customers.unreachable", error=str(failure), actor=actor)
