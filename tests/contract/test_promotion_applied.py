"""A promotion writes queues through the real administration API. SQLite and PostgreSQL."""

import asyncio

import msgspec
import pytest

from infra.directory.kinds import BY_NAME
from policies.promotion.applying import ApplyError, Reply, apply
from policies.promotion.gates import Stage
from policies.promotion.machine import Promotion
from policies.promotion.routing import QueueSetting, setting, settings_of_all_stages

pytest_plugins = ["tests.support.server_fixtures"]

PROMOTION = Promotion(
    experiment="cap",
    candidate="fixed_cap",
    candidate_parameters={"cap": 2},
    live="longest_idle",
    since=0.0,
)


def door_of(client):
    """Return the client as a promotion asks it, from a thread of its own."""
    loop = asyncio.get_running_loop()

    async def ask(method, path, headers, body):
        url = f"http://desk.example{path}"
        answer = await client.http.request(method, url, headers=dict(headers), content=body)
        return Reply(answer.status_code, answer.headers.get("etag", ""), answer.json())

    def send(*given):
        return asyncio.run_coroutine_threadsafe(ask(*given), loop).result(30)

    return send


async def applied(client, stage, queue="travel"):
    state = msgspec.structs.replace(PROMOTION, stage=stage)
    work = (queue, setting(state), settings_of_all_stages(state), door_of(client))
    return await asyncio.to_thread(apply, *work)


async def test_every_stage_can_be_written_and_is_audited_as_the_accounts_act(admin, demo):
    before = (await demo.get("demo", BY_NAME["queues"], "travel")).value
    for stage in (*Stage, Stage.OFFLINE):
        await applied(admin, stage)
        row = (await demo.get("demo", BY_NAME["queues"], "travel")).value
        asked = setting(msgspec.structs.replace(PROMOTION, stage=stage))
        assert QueueSetting(row.policy, row.policy_params) == asked
        assert (
            row.model_copy(update=before.model_dump(include={"policy", "policy_params"})) == before
        )
        assert not await applied(admin, stage)
    acts = (await admin("GET", "/audit?resource=queues&row=travel")).json()["items"]
    acts = [one for one in acts if one["action"] == "update"]
    assert {(one["actor"], one["client"]) for one in acts} == {("admin", "console")}
    changed = [(one["before"]["policy"], one["after"]["policy"]) for one in acts[::-1]]
    assert changed[:2] == [("longest_idle", "shadow"), ("shadow", "explore")]


async def test_who_may_not_change_queues_cannot_promote(leader, demo):
    with pytest.raises(ApplyError, match=r"^travel: "):
        await applied(leader, Stage.RAMP_50)
    row = (await demo.get("demo", BY_NAME["queues"], "travel")).value
    assert row.policy == "longest_idle"


async def test_a_policy_that_live_routing_does_not_have_is_refused(admin):
    state = msgspec.structs.replace(PROMOTION, candidate="here.py:Mine", stage=Stage.RAMP_1)
    work = ("travel", setting(state), settings_of_all_stages(state), door_of(admin))
    with pytest.raises(ApplyError, match=r"policy_params: ramp.candidate.*no policy named"):
        await asyncio.to_thread(apply, *work)
