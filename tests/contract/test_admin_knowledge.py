"""The routes of knowledge bases: drafts, files, versions. SQLite and PostgreSQL."""

import asyncio

import pytest

from bot.knowledge import Answer, Base, Topic
from bot.tables import export_base, import_base
from bot.weak import LEAST_HELD
from infra.knowledge.forms import CATEGORIES_N
from tests.support.admin import is_problem

pytest_plugins = ["tests.support.server_fixtures"]
FAQ = "/knowledge/bases/faq"
REFUND = {
    "id": "refund",
    "question": "怎么退款？",
    "similar": ["退钱", "refund"],
    "answers": [
        {"text": "七天内可退"},
        {"kind": "card", "title": "退款", "url": "https://shop.example/r", "buttons": ["去退款"]},
        {"kind": "image", "url": "https://shop.example/r.png"},
        {"text": "内部口径", "audience": "agent"},
    ],
    "hot": 2,
}
BINARY = {"content_type": "application/octet-stream"}


@pytest.fixture
async def faq(admin):
    """The API with a base `faq` that has one topic."""
    made = await admin("POST", "/knowledge/bases", {"id": "faq", "name": "常见问题"})
    assert made.status_code == 201, made.text
    assert (await admin("POST", f"{FAQ}/topics", REFUND)).status_code == 201
    return admin


async def ok(answer, status=200):
    found = await answer
    assert found.status_code == status, found.text
    return found


async def publish(api, note=""):
    return (await ok(api("POST", f"{FAQ}/versions", {"note": note}), 201)).json()


async def test_a_base_and_its_topics_live_through_the_api(faq):
    topic = f"{FAQ}/topics/refund"
    read = await ok(faq("GET", topic))
    assert read.json()["answers"][1]["buttons"] == ["去退款"]
    patched = await ok(faq("PATCH", topic, {"enabled": False}, if_match=read.headers["etag"]))
    assert (patched.json()["enabled"], patched.json()["similar"]) == (False, REFUND["similar"])
    is_problem(
        await faq("PUT", topic, {"question": "x"}, if_match=read.headers["etag"]), 412, "stale"
    )
    is_problem(await faq("POST", f"{FAQ}/topics", REFUND), 409, "exists")
    history = (await ok(faq("GET", f"{topic}/history?limit=1"))).json()
    assert (history["items"][0]["action"], history["items"][0]["actor"]) == ("update", "admin")
    assert "enabled" not in history["items"][0]["before"]
    older = (await ok(faq("GET", f"{topic}/history?cursor={history['next']}"))).json()
    assert [(one["action"], one["before"]) for one in older["items"]] == [("create", None)]
    assert (await faq("DELETE", topic, if_match="*")).status_code == 204
    is_problem(await faq("GET", topic), 404, "not_found")
    assert (await faq("DELETE", FAQ, if_match="*")).status_code == 204
    is_problem(await faq("GET", f"{FAQ}/topics"), 404, "not_found")


@pytest.mark.parametrize(
    "answer",
    [
        {"text": "  "},
        {"text": "x", "title": "a text has none"},
        {"kind": "image", "text": "no picture"},
        {"kind": "card", "url": "/a"},
        {"kind": "card", "title": "t", "url": "javascript:alert(1)"},
        {"kind": "card", "title": "t", "url": "//evil.example/a"},
        {"kind": "card", "title": "t", "url": "https://user@evil.example/"},
        {"kind": "card", "title": "t", "url": "https://evil.example\\@shop.example"},
    ],
)
async def test_an_answer_that_could_not_be_shown_is_refused(faq, answer):
    topic = {"question": "what?", "answers": [answer]}
    is_problem(await faq("POST", f"{FAQ}/topics", topic), 422, "invalid")


async def test_settings_of_a_base_are_checked_and_merged(faq):
    change = {"settings": {"answer_at": 0.8, "clarify_at": 0.3, "texts": {"fallback.zh": "抱歉"}}}
    patched = await ok(faq("PATCH", FAQ, change, if_match="*"))
    assert patched.json()["settings"]["suggestions"] == 5
    again = await ok(faq("PATCH", FAQ, {"settings": {"clarify_at": 0.2}}, if_match="*"))
    assert again.json()["settings"]["answer_at"] == 0.8
    for wrong in ({"clarify_at": 0.9}, {"handoff": {"misses": "many"}}, {"handoff": {"x": 1}}):
        answer = await faq("PATCH", FAQ, {"settings": wrong}, if_match="*")
        is_problem(answer, 422, "invalid")
    rules = {"settings": {"handoff": {"misses": 3, "asked": ["真人"]}}}
    await ok(faq("PATCH", FAQ, rules, if_match="*"))


async def test_the_category_tree_is_one_thing(faq):
    etag = await faq.etag(f"{FAQ}/categories")
    tree = {"categories": [{"id": "a", "name": "A"}, {"id": "a/b", "name": "B", "parent": "a"}]}
    written = await ok(faq("PUT", f"{FAQ}/categories", tree, if_match=etag))
    is_problem(await faq("PUT", f"{FAQ}/categories", tree, if_match=etag), 412, "stale")
    tree["categories"][0]["parent"] = "a/b"
    answer = await faq("PUT", f"{FAQ}/categories", tree, if_match=written.headers["etag"])
    assert "cycle" in is_problem(answer, 422, "invalid")["errors"][0]["detail"]


async def test_categories_are_added_renamed_moved_and_removed_one_by_one(faq):
    tree, one = f"{FAQ}/categories", f"{FAQ}/categories/%E7%89%A9%E6%B5%81%2F%E6%97%B6%E9%97%B4"
    made = await ok(faq("POST", tree, {"id": "物流", "name": "物流"}), 201)
    assert made.headers["etag"] == await faq.etag(tree)
    below = {"id": "物流/时间", "name": "时间", "parent": "物流"}
    added = [await faq("POST", tree, below, idempotency_key="k") for _ in range(2)]
    assert [(a.status_code, a.json()) for a in added] == [(201, added[0].json())] * 2
    assert added[0].headers["location"].endswith(one)
    other = (await ok(faq("POST", tree, {"name": "Other"}), 201)).json()["id"]

    etag = await faq.etag(one)
    renamed = await ok(faq("PATCH", one, {"name": "多久"}, if_match=etag))
    assert renamed.json().items() >= {"name": "多久", "parent": "物流"}.items()
    is_problem(await faq("PATCH", one, {"parent": other}, if_match=etag), 412, "stale")
    etag = renamed.headers["etag"]
    moved = await ok(faq("PATCH", one, {"parent": other}, if_match=etag))
    assert moved.json()["version"] > renamed.json()["version"]
    assert (await ok(faq("DELETE", one, if_match=moved.headers["etag"]), 204)).text == ""
    is_problem(await faq("GET", one), 404, "not_found")
    ids = [row["id"] for row in (await ok(faq("GET", tree))).json()["categories"]]
    assert ids == ["物流", other]


async def test_a_change_of_one_category_cannot_break_the_tree(faq):
    tree = f"{FAQ}/categories"
    for new in ({"id": "a", "name": "A"}, {"id": "b", "name": "B", "parent": "a"}):
        await ok(faq("POST", tree, new), 201)
    before = (await ok(faq("GET", tree))).json()
    again = {"id": "a", "name": "Again"}
    nowhere = {"name": "C", "parent": "nowhere"}
    for method, path, body, status, code in (
        ("POST", tree, again, 409, "exists"),
        ("POST", tree, nowhere, 422, "unknown_reference"),
        ("POST", tree, {"name": ""}, 422, "invalid"),
        ("PATCH", f"{tree}/a", {"parent": "b"}, 409, "cycle"),
        ("PATCH", f"{tree}/a", {"parent": "a"}, 409, "cycle"),
        ("PATCH", f"{tree}/a", {"parent": "nowhere"}, 422, "unknown_reference"),
        ("PATCH", f"{tree}/a", {"id": "c"}, 422, "invalid"),
        ("PATCH", f"{tree}/c", {"name": "C"}, 404, "not_found"),
        ("DELETE", f"{tree}/a", None, 409, "in_use"),
        ("DELETE", f"{tree}/c", None, 404, "not_found"),
    ):
        is_problem(await faq(method, path, body, if_match="*"), status, code)
    is_problem(await faq("DELETE", f"{tree}/b"), 428, "precondition_required")
    await ok(faq("PATCH", f"{FAQ}/topics/refund", {"category": "b"}, if_match="*"))
    is_problem(await faq("DELETE", f"{tree}/b", if_match="*"), 409, "in_use")
    assert (await ok(faq("GET", tree))).json() == before


async def test_publishing_numbers_versions_and_restoring_brings_one_back(faq):
    first = await publish(faq, "第一版")
    assert (first["number"], first["live"], first["topics"]) == (1, True, 1)
    await ok(faq("PATCH", f"{FAQ}/topics/refund", {"question": "Refund?"}, if_match="*"))
    assert (await publish(faq))["digest"] != first["digest"]
    back = await ok(faq("POST", f"{FAQ}/versions/1/restore", {"note": "坏了"}), 201)
    assert back.json().items() >= {"number": 3, "restored": 1, "digest": first["digest"]}.items()
    listed = (await ok(faq("GET", f"{FAQ}/versions?limit=2"))).json()
    assert [(one["number"], one["live"]) for one in listed["items"]] == [(3, True), (2, False)]
    older = (await ok(faq("GET", f"{FAQ}/versions?cursor={listed['next']}"))).json()
    assert [one["note"] for one in older["items"]] == ["第一版"]
    assert (await ok(faq("GET", FAQ))).json().items() >= {"live": 3, "versions": 3}.items()
    is_problem(await faq("POST", f"{FAQ}/versions/9/restore", {}), 404, "not_found")
    is_problem(await faq("GET", f"{FAQ}/versions/x"), 404, "not_found")


async def test_a_publish_that_is_repeated_with_its_key_is_done_once(faq):
    answers = [await faq("POST", f"{FAQ}/versions", {}, idempotency_key="k1") for _ in range(2)]
    assert [one.json()["number"] for one in answers] == [1, 1]


async def test_a_draft_with_errors_is_not_published(faq):
    other = {"id": "other", "question": "退钱！", "related": ["nowhere"], "valid_until": 5.0}
    await ok(faq("POST", f"{FAQ}/topics", other), 201)
    checked = (await ok(faq("GET", f"{FAQ}/check"))).json()
    assert not checked["publishable"]
    assert checked["few"] == ["refund", "other"] or checked["few"] == ["other", "refund"]
    codes = {one["code"]: one["severity"] for one in checked["findings"]}
    assert codes == {
        "duplicate_question": "error",
        "related_unknown": "error",
        "expired": "warning",
        "no_answer": "warning",
        "few_phrasings": "warning",
    }
    told = is_problem(await faq("POST", f"{FAQ}/versions", {}), 422, "invalid")
    assert {one["at"] for one in told["errors"]} <= {"topics.other", "topics.refund"}


def a_file(kind):
    topics = (
        Topic(
            id="ship", question="什么时候发货", answers=(Answer(text="明天"),), category="物流/时间"
        ),
        Topic(id="refund", question="怎么退款？", answers=(Answer(text="新答案"),)),
    )
    return export_base(Base(id="x", name="x", topics=topics), kind)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["xlsx", "csv", "yaml"])
async def test_what_is_exported_can_be_imported(faq, kind):
    path = f"{FAQ}/import?format={kind}"
    dry = (await ok(faq("POST", f"{path}&dry_run=true", a_file(kind), **BINARY))).json()
    assert dry.items() >= {"imported": False, "created": 1, "updated": 1, "deleted": 0}.items()
    is_problem(await faq("GET", f"{FAQ}/topics/ship"), 404, "not_found")
    done = (await ok(faq("POST", path, a_file(kind), **BINARY))).json()
    assert done.items() >= {"imported": True, "created": 1, "updated": 1, "bad": []}.items()
    tree = (await ok(faq("GET", f"{FAQ}/categories"))).json()["categories"]
    assert [one["id"] for one in tree] == ["物流", "物流/时间"]
    exported = await ok(faq("GET", f"{FAQ}/export?format={kind}"))
    found = import_base(exported.content, kind, name="x", now=1.0)
    assert {one.id: one.question for one in found.base.topics} == {
        "ship": "什么时候发货",
        "refund": "怎么退款？",
    }
    again = (await ok(faq("POST", f"{path}&replace=true", exported.content, **BINARY))).json()
    assert (again["created"], again["updated"], again["deleted"]) == (0, 0, 0)


@pytest.mark.slow
async def test_every_bad_row_is_reported_and_the_good_ones_taken_or_none(faq):
    rows = ["id,question,hot", "a,发货?,x", "b b,号码", "c,,", "d,退钱", "e,好的", "e,好的 again"]
    data = "\n".join(rows).encode()
    path = f"{FAQ}/import?format=csv"
    none = (await ok(faq("POST", f"{path}&all_or_none=true", data, **BINARY))).json()
    assert (none["imported"], none["created"]) == (False, 0)
    some = (await ok(faq("POST", path, data, **BINARY))).json()
    assert some["bad"] == none["bad"]
    assert [one["number"] for one in some["bad"]] == [2, 3, 4, 7]
    assert "hot" in some["bad"][0]["reason"]
    assert some["created"] == 2
    is_problem(await faq("POST", f"{FAQ}/import?format=xlsx", data, **BINARY), 422, "invalid")
    is_problem(
        await faq("POST", path, data, content_type="text/csv"), 415, "unsupported_media_type"
    )


async def test_a_bad_row_keeps_its_topic_and_links_may_go_into_the_draft(faq):
    rows = "id,question,related,hot\nrefund,退钱,,x\nb,什么时候发货,refund,"
    path = f"{FAQ}/import?format=csv"
    done = (await ok(faq("POST", path, rows.encode(), **BINARY))).json()
    assert (done["created"], [one["number"] for one in done["bad"]]) == (1, [2])
    assert (await ok(faq("GET", f"{FAQ}/topics/b"))).json()["related"] == ["refund"]
    done = (await ok(faq("POST", f"{path}&replace=true", rows.encode(), **BINARY))).json()
    assert (done["updated"], done["deleted"]) == (1, 0)
    assert (await ok(faq("GET", f"{FAQ}/topics/b"))).json()["related"] == []
    assert (await ok(faq("GET", f"{FAQ}/topics/refund"))).status_code == 200


async def test_what_excel_cannot_hold_is_exported_otherwise(faq):
    wide = {"id": "wide", "question": "长", "similar": [f"{n}{'x' * 1900}" for n in range(20)]}
    await ok(faq("POST", f"{FAQ}/topics", wide), 201)
    told = is_problem(await faq("GET", f"{FAQ}/export?format=xlsx"), 422, "invalid")
    assert told["errors"][0]["at"] == "format"
    await ok(faq("GET", f"{FAQ}/export?format=csv"))


async def test_an_import_reports_duplicates_expired_topics_and_wrong_categories(faq):
    rows = [
        "id,question,category,valid_until,related",
        "a,什么时候到？,物流//时间,,",
        "b,什么时候到？,物流,,",
        "c,什么时候到,物流,,",
        "d,双十一,活动,2020-01-01,",
        "e,去哪儿,/,,nowhere",
        f"f,怎么走,路/{'远' * 201},,",
        "g,圈,圈/圈,,g",
    ]
    path = f"{FAQ}/import?format=csv"
    some = (await ok(faq("POST", path, "\n".join(rows).encode(), **BINARY))).json()
    assert {one["number"]: one["reason"].split(":")[0] for one in some["bad"]} == {
        2: "category",
        4: "duplicate_question",
        6: "category",
        7: "category",
    }
    assert some["created"] == 3
    assert ("expired", "d") in {(one["code"], one["topic"]) for one in some["findings"]}
    tree = (await ok(faq("GET", f"{FAQ}/categories"))).json()["categories"]
    assert [one["id"] for one in tree] == ["物流", "活动", "圈", "圈/圈"]


async def test_more_categories_than_a_base_may_have_are_reported_not_a_defect(faq):
    many = [{"id": f"c{n}", "name": "C"} for n in range(CATEGORIES_N)]
    await ok(faq("PUT", f"{FAQ}/categories", {"categories": many}, if_match="*"))
    is_problem(await faq("POST", f"{FAQ}/categories", {"name": "One more"}), 422, "invalid")
    rows = b"id,question,category\na,what?,another"
    answer = await faq("POST", f"{FAQ}/import?format=csv", rows, **BINARY)
    assert "at most" in is_problem(answer, 422, "invalid")["errors"][0]["detail"]


@pytest.mark.slow
async def test_a_question_can_be_tried_on_the_draft_and_on_what_is_live(faq):
    asked = {"question": "退钱"}
    tried = (await ok(faq("POST", f"{FAQ}/search-test", asked))).json()
    assert (tried["version"], tried["decision"]["topic"]) == (0, "refund")
    assert tried["decision"]["why"] == "exact"
    assert tried["decision"]["explanation"]["normalised"] == "退钱"
    live = {**asked, "what": "live"}
    is_problem(await faq("POST", f"{FAQ}/search-test", live), 404, "not_found")
    await publish(faq)
    assert (await ok(faq("POST", f"{FAQ}/search-test", live))).json()["version"] == 1


@pytest.mark.slow
async def test_topics_that_need_more_phrasings_are_named(faq):
    similar = [f"{word} my parcel" for word in ("where is", "track", "find", "locate", "see")]
    topic = {"id": "parcel", "question": "Where is my parcel?", "similar": similar}
    await ok(faq("POST", f"{FAQ}/topics", topic), 201)
    weak = (await ok(faq("GET", f"{FAQ}/weak-topics"))).json()
    [refund] = weak["topics"]
    assert (weak["total"], refund["topic"], refund["why"]) == (1, "refund", "few_phrasings")
    assert refund["held_n"] >= LEAST_HELD
    assert 0.0 <= refund["found"] <= 1.0
    is_problem(await faq("GET", "/knowledge/bases/none/weak-topics"), 404, "not_found")


async def test_leaders_read_and_do_not_change(faq, leader):
    assert (await leader("GET", f"{FAQ}/topics")).status_code == 200
    assert (await leader("GET", f"{FAQ}/check")).status_code == 200
    is_problem(await leader("POST", f"{FAQ}/versions", {}), 403, "forbidden")
    is_problem(await leader("POST", f"{FAQ}/topics", REFUND), 403, "forbidden")


async def test_of_two_editors_of_one_version_one_wins(faq):
    etag = await faq.etag(f"{FAQ}/topics/refund")
    answers = await asyncio.gather(
        *(faq("PATCH", f"{FAQ}/topics/refund", {"hot": n}, if_match=etag) for n in (5, 6))
    )
    assert sorted(one.status_code for one in answers) == [200, 412]
