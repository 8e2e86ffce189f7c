"""The learning loop through its routes: inbox, reviews, training, roll-out, report."""

import time

import msgspec
import pytest

from bot import rollout as r
from bot.outcomes import QuestionOutcome, SessionOutcome
from infra.knowledge.outcomes import OutcomeStore
from infra.knowledge.rollouts import trial_figures
from serve.knowledge.learning import Learning
from serve.knowledge.workshop import Workshop
from tests.support.admin import is_problem

pytest_plugins = ["tests.support.server_fixtures"]
FAQ = "/knowledge/bases/faq"
REFUND = {"id": "refund", "question": "怎么退款？", "answers": [{"text": "七天内可退"}]}
SHIP = {"id": "ship", "question": "什么时候发货", "answers": [{"text": "明天"}]}


async def ok(answer, status=200):
    found = await answer
    assert found.status_code == status, found.text
    return found.json()


@pytest.fixture
async def faq(admin):
    """The API with a base `faq` that has two topics and a published version."""
    await ok(admin("POST", "/knowledge/bases", {"id": "faq", "name": "常见问题"}), 201)
    for topic in (REFUND, SHIP):
        await ok(admin("POST", f"{FAQ}/topics", topic), 201)
    await ok(admin("POST", f"{FAQ}/versions", {}), 201)
    return admin


@pytest.fixture
def workshop():
    """A workshop, closed at the end."""
    found = Workshop()
    yield found
    found.close()


async def tell(directory, *outcomes):
    await OutcomeStore(directory.engine).write([msgspec.json.encode(one) for one in outcomes])


def asked(n, text="", **more):
    fields = {"org": "demo", "base": "faq", "at": time.time() - 1000 + n, "band": "fallback"}
    return QuestionOutcome(id=f"q{n}", text=text or f"问题 {n}", **{**fields, **more})


async def review(api, decision, *numbers, **more):
    body = {"decision": decision, "questions": [f"q{n}" for n in numbers], **more}
    return await ok(api("POST", f"{FAQ}/inbox/reviews", body))


@pytest.mark.slow
async def test_the_inbox_clusters_what_had_no_good_answer(faq, demo):
    await tell(
        demo,
        asked(1, "我的银行卡丢了怎么办"),
        asked(2, "银行卡丢了怎么办啊"),
        asked(3, "退款去哪里", band="answer", topic="ship", rating=1),
        asked(4, "好的", band="answer", topic="ship", rating=5),
        asked(5, "发货", band="clarify", topic="ship", clicked="ship"),
        asked(6, "哪天发货", band="clarify", topic="ship", used="refund"),
        asked(7, "别的库", base="other"),
    )
    inbox = await ok(faq("GET", f"{FAQ}/inbox"))
    assert (inbox["waiting"], inbox["clustered"]) == (4, 4)
    assert inbox["clusters"][0]["size"] == 2
    assert {one["id"] for one in inbox["clusters"][0]["questions"]} == {"q1", "q2"}
    assert {one["topic"] for one in inbox["clusters"]} == {"", "ship", "refund"}
    few = await ok(faq("GET", f"{FAQ}/inbox?newest=1"))
    assert (few["waiting"], few["clustered"], len(few["clusters"])) == (4, 1, 1)


async def test_reviews_go_into_the_draft_and_every_fifth_spelling_is_put_aside(faq, demo):
    await tell(demo, *(asked(n, f"怎样\n退钱 {n % 6}") for n in range(12)), asked(50), asked(51))
    done = await review(faq, "similar", *range(12), topic="refund")
    assert done == {"reviewed": 12, "held": 2, "added": 5, "topic": "refund"}
    topic = await ok(faq("GET", f"{FAQ}/topics/refund"))
    assert sorted(topic["similar"]) == [f"怎样 退钱 {n}" for n in (0, 1, 2, 3, 5)]
    history = await ok(faq("GET", f"{FAQ}/topics/refund/history?limit=1"))
    assert history["items"][0]["actor"] == "admin"
    assert await review(faq, "similar", *range(12), topic="refund") == {
        **done,
        "reviewed": 0,
        "held": 0,
        "added": 0,
    }
    made = await review(faq, "topic", 50, topic="new", question="新问题")
    assert (made["added"], made["reviewed"]) == (2, 1)
    assert (await ok(faq("GET", f"{FAQ}/topics/new")))["source"] == "inbox"
    assert (await review(faq, "stranger", 51))["added"] == 1
    assert (await ok(faq("GET", FAQ)))["strangers"] == ["问题 51"]
    assert (await ok(faq("GET", f"{FAQ}/inbox")))["waiting"] == 0


async def test_a_review_that_cannot_be_done_changes_nothing(faq, demo):
    await tell(demo, asked(1))
    path = f"{FAQ}/inbox/reviews"
    body = {"questions": ["q1"], "decision": "similar"}
    is_problem(await faq("POST", path, body), 422, "invalid")
    is_problem(await faq("POST", path, {**body, "topic": "none"}), 404, "not_found")
    taken = {**body, "decision": "topic", "topic": "refund"}
    is_problem(await faq("POST", path, taken), 409, "exists")
    assert (await review(faq, "ignore", 1))["reviewed"] == 1
    assert (await review(faq, "ignore", 1))["reviewed"] == 0


async def base_state(api):
    row = await ok(api("GET", FAQ))
    return row["live"], row["candidate"], row["stage"]


@pytest.mark.slow
async def test_a_trained_version_comes_out_step_by_step_and_goes_back(faq, demo, workshop):
    learning = Learning(demo, workshop, "gw")
    await ok(faq("PATCH", f"{FAQ}/topics/ship", {"hot": 3}, if_match="*"))
    queued = await ok(faq("POST", f"{FAQ}/rollouts", {"automatic": False}), 202)
    assert (queued["number"], queued["stage"]) == (1, "queued")
    await learning.look()
    assert await base_state(faq) == (1, 2, "shadow")
    move = f"{FAQ}/rollouts/1/moves"
    tenth = await ok(faq("POST", move, {"to": "advance"}))
    assert (tenth["stage"], tenth["gate"]["passed"]) == ("tenth", True)
    assert await base_state(faq) == (1, 2, "tenth")
    everybody = await ok(faq("POST", move, {"to": "advance"}))
    assert [one["stage"] for one in everybody["steps"]] == [
        "queued",
        "training",
        "shadow",
        "tenth",
        "all",
    ]
    assert await base_state(faq) == (2, 0, "")
    is_problem(await faq("POST", move, {"to": "advance"}), 412, "stale")
    await ok(faq("POST", move, {"to": "roll_back"}))
    assert await base_state(faq) == (1, 0, "")
    listed = await ok(faq("GET", f"{FAQ}/rollouts"))
    assert [one["stage"] for one in listed["items"]] == ["rolled_back"]
    is_problem(await faq("POST", f"{FAQ}/rollouts/9/moves", {"to": "advance"}), 404, "not_found")


@pytest.mark.slow
async def test_going_back_ends_a_trial_that_would_go_back_to_the_same(faq, demo, workshop):
    learning = Learning(demo, workshop, "gw")
    for hot, number in ((3, 1), (4, 2)):
        await ok(faq("PATCH", f"{FAQ}/topics/ship", {"hot": hot}, if_match="*"))
        await ok(faq("POST", f"{FAQ}/rollouts", {"automatic": False}), 202)
        await learning.look()
        if number == 1:
            for _ in range(2):
                await ok(faq("POST", f"{FAQ}/rollouts/1/moves", {"to": "advance"}))
    assert await base_state(faq) == (2, 3, "shadow")
    await ok(faq("POST", f"{FAQ}/rollouts/1/moves", {"to": "roll_back"}))
    assert await base_state(faq) == (1, 0, "")
    listed = await ok(faq("GET", f"{FAQ}/rollouts"))
    assert [one["stage"] for one in listed["items"]] == ["rolled_back", "rolled_back"]


@pytest.mark.slow
async def test_a_version_that_does_not_answer_fails_on_trial(faq, demo, workshop):
    learning = Learning(demo, workshop, "gw")
    await ok(faq("POST", f"{FAQ}/rollouts", {"automatic": False}), 202)
    await learning.look()
    await ok(faq("POST", f"{FAQ}/rollouts/1/moves", {"to": "advance"}))
    now = time.time() + 60
    await tell(demo, *(asked(n, at=now, version=2) for n in range(3)))
    await tell(demo, asked(9, band="answer", topic="ship", at=now, version=1))
    assert await trial_figures(demo.engine, "demo", "faq", now - 1, (2, 1)) == {
        "n": 3,
        "failed": 3,
        "live_n": 1,
        "live_failed": 0,
    }


@pytest.mark.slow
async def test_a_version_that_lost_what_was_reviewed_is_rejected(faq, demo, workshop):
    await tell(demo, *(asked(n, f"怎么退款 {n}") for n in range(10)))
    await review(faq, "similar", *range(10), topic="refund")
    await ok(faq("POST", f"{FAQ}/versions", {}), 201)
    # The draft takes the wordings of one topic for another's.
    wordings = (await ok(faq("GET", f"{FAQ}/topics/refund")))["similar"]
    broken = {"question": "天气预报", "similar": []}
    await ok(faq("PATCH", f"{FAQ}/topics/refund", broken, if_match="*"))
    wrong = {"similar": wordings}
    await ok(faq("PATCH", f"{FAQ}/topics/ship", wrong, if_match="*"))
    await ok(faq("POST", f"{FAQ}/rollouts", {}), 202)
    await Learning(demo, workshop, "gw").look()
    [found] = (await ok(faq("GET", f"{FAQ}/rollouts")))["items"]
    assert found["stage"] == "rejected", found["steps"]
    assert found["gate"]["items"] == 2
    assert "accuracy fell" in found["steps"][-1]["why"]
    assert await base_state(faq) == (2, 0, "")


@pytest.mark.slow
async def test_a_draft_with_errors_is_rejected_and_publishing_ends_a_trial(faq, demo, workshop):
    learning = Learning(demo, workshop, "gw")
    await ok(faq("PATCH", f"{FAQ}/topics/ship", {"related": ["none"]}, if_match="*"))
    await ok(faq("POST", f"{FAQ}/rollouts", {}), 202)
    await learning.look()
    assert await base_state(faq) == (1, 0, "")
    await ok(faq("PATCH", f"{FAQ}/topics/ship", {"related": ["refund"]}, if_match="*"))
    await ok(faq("POST", f"{FAQ}/rollouts", {}), 202)
    await learning.look()
    assert await base_state(faq) == (1, 2, "shadow")
    await ok(faq("POST", f"{FAQ}/versions", {}), 201)
    assert await base_state(faq) == (3, 0, "")
    listed = (await ok(faq("GET", f"{FAQ}/rollouts")))["items"]
    assert [one["stage"] for one in listed] == ["rolled_back", "rejected"]
    assert listed[0]["steps"][-1]["why"] == "the draft was published"


@pytest.mark.slow
async def test_an_automatic_one_goes_on_by_what_was_seen(faq, demo, workshop):
    learning = Learning(demo, workshop, "gw")
    await ok(faq("POST", f"{FAQ}/rollouts", {}), 202)
    await learning.look()
    await learning.look()
    assert await base_state(faq) == (1, 2, "shadow")
    now = time.time() + 60
    seen = [
        asked(n, band="answer", topic="ship", shadow_topic="ship", at=now, version=1)
        for n in range(r.SHADOW_N)
    ]
    await tell(demo, *seen)
    await learning.look()
    assert await base_state(faq) == (1, 2, "tenth")
    bad = [
        asked(5000 + n, band="answer", topic="ship", at=now, version=2, rating=1)
        for n in range(r.TENTH_N)
    ]
    await tell(demo, *bad)
    await learning.look()
    assert await base_state(faq) == (1, 0, "")
    [found] = (await ok(faq("GET", f"{FAQ}/rollouts")))["items"]
    assert "100.0% of its questions failed, 0.0%" in found["steps"][-1]["why"]


async def test_the_report_is_of_ones_own_organisation_and_days(faq, demo, leader):
    now = time.time()
    await tell(
        demo,
        asked(1, band="answer", topic="refund", at=now),
        asked(2, at=now - 40 * 86400),
        SessionOutcome(org="demo", id="s1", base="faq", at=now, handoff="asked", human=True),
    )
    found = await ok(leader("GET", "/bot/report"))
    assert (found["total"]["questions"], found["total"]["answer_rate"]) == (1, 1.0)
    assert found["handoffs"] == [{"reason": "asked", "sessions": 1}]
    assert found["top_topics"][0]["topic"] == "refund"
    assert (await ok(leader("GET", "/bot/report?base=other")))["total"]["questions"] == 0
    is_problem(
        await leader("GET", "/bot/report?from_day=2026-02-01&until_day=2026-01-01"),
        400,
        "bad_request",
    )
    is_problem(await leader("POST", f"{FAQ}/rollouts", {}), 403, "forbidden")
    is_problem(await leader("POST", f"{FAQ}/inbox/reviews", {}), 403, "forbidden")
