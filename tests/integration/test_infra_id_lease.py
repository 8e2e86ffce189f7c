"""The worker number's lease, in a real Valkey."""

import asyncio

import pytest

from infra.ids import IdsStoppedError, WorkerLease, millis_of, now_ms

pytest_plugins = ["tests.support.server_fixtures"]


class Clock:
    """Monotonic seconds and wall milliseconds, set by hand."""

    def __init__(self):
        self.seconds = 1000.0
        self.millis = now_ms()

    def monotonic(self):
        return self.seconds

    def wall(self):
        return self.millis


def lease(redis, clock, lease_s=30.0):
    return WorkerLease(redis, lease_s=lease_s, clock=clock.wall, monotonic=clock.monotonic)


async def test_two_processes_get_two_worker_numbers(redis):
    leases = [WorkerLease(redis) for _ in range(20)]
    await asyncio.gather(*(one.acquire() for one in leases))
    assert len({one.worker for one in leases}) == 20
    assert len({one.next() for one in leases for _ in range(50)}) == 1000


async def test_nothing_is_issued_before_a_lease(redis):
    with pytest.raises(IdsStoppedError):
        WorkerLease(redis).next()


async def test_a_lease_that_is_not_renewed_stops_issuing_and_a_renewal_resumes(redis):
    clock = Clock()
    one = lease(redis, clock)
    await one.acquire()
    one.next()
    clock.seconds += 31
    with pytest.raises(IdsStoppedError):
        one.next()
    await one.renew()
    one.next()


async def test_who_waits_for_ids_goes_on_after_the_renewal(redis):
    clock = Clock()
    one = lease(redis, clock)
    await one.acquire()
    await one.ready()
    clock.seconds += 31
    waiting = asyncio.create_task(one.ready())
    await asyncio.sleep(0)
    assert not waiting.done()
    await one.renew()
    await waiting
    one.next()


async def test_an_expired_number_nobody_took_is_taken_back(redis):
    clock = Clock()
    one = lease(redis, clock)
    await one.acquire()
    number, first = one.worker, one.next()
    await redis.delete(f"{{ids}}:lease:{number}")
    await one.renew()
    assert one.worker == number
    assert int(one.next()) > int(first)


async def take_number(redis, number, clock):
    """Acquire until that very number is leased: the others are blocked."""
    async with redis.pipeline() as pipe:
        for other in range(1024):
            if other != number:
                pipe.set(f"{{ids}}:lease:{other}", "blocked", nx=True)
        await pipe.execute()
    successor = lease(redis, clock)
    await successor.acquire()
    assert successor.worker == number
    return successor


async def test_a_stopped_holder_and_its_successor_never_share_an_id(redis):
    """The old holder was frozen past its lease and wakes; its clock is an hour ahead."""
    clock, later = Clock(), Clock()
    old = lease(redis, clock)
    await old.acquire()
    await redis.delete(f"{{ids}}:lease:{old.worker}")
    later.millis -= 3_600_000
    new = await take_number(redis, old.worker, later)
    clock.millis += 3_600_000
    olds = {old.next() for _ in range(2000)}
    news = {new.next() for _ in range(2000)}
    assert not olds & news


async def test_a_restart_with_the_clock_an_hour_back_repeats_nothing(redis):
    clock = Clock()
    first = lease(redis, clock)
    await first.acquire()
    number = first.worker
    before = {first.next() for _ in range(1000)}
    await first.release()
    clock.millis -= 3_600_000
    again = await take_number(redis, number, clock)
    after = {again.next() for _ in range(1000)}
    assert not before & after
    assert min(map(int, after)) > max(map(int, before))


async def test_a_lost_number_is_replaced_by_a_fresh_one(redis):
    clock = Clock()
    old = lease(redis, clock)
    await old.acquire()
    number = old.worker
    await redis.set(f"{{ids}}:lease:{number}", "somebody else")
    await old.renew()
    assert old.worker != number
    old.next()


async def test_when_all_numbers_are_taken_it_says_so(redis):
    async with redis.pipeline() as pipe:
        for worker in range(1024):
            pipe.set(f"{{ids}}:lease:{worker}", "taken")
        await pipe.execute()
    with pytest.raises(IdsStoppedError, match="1024"):
        await WorkerLease(redis).acquire()


async def test_the_renewing_task_keeps_the_ids_coming(redis):
    one = WorkerLease(redis, lease_s=0.3)
    await one.acquire()
    renewing = asyncio.create_task(one.run())
    horizon = await redis.hget("{ids}:horizons", str(one.worker))
    # The store has no event for it.
    while await redis.hget("{ids}:horizons", str(one.worker)) == horizon:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert abs(millis_of(one.next()) - now_ms()) < 60_000
    renewing.cancel()
    await one.release()
    with pytest.raises(IdsStoppedError):
        one.next()
