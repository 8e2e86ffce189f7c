"""The knowledge base: spelling, versions, checks, and files that come and go."""

import pytest

from bot.checking import check
from bot.knowledge import Answer, Base, Category, Topic
from bot.normalise import MAX_CHARS, is_readable, match_key, normalise
from bot.rows import topic_of
from bot.tables import FileError, export_base, format_of, import_base

NOW = 1_800_000_000.0


def _base() -> Base:
    refund = Topic(
        id="refund",
        question="怎么退款？",
        similar=("我要退款", "How do I get my money back?"),
        answers=(
            Answer(text="=原路退回"),
            Answer(kind="image", url="/a.png"),
            Answer(kind="card", title="退款", buttons=("去退款",)),
            Answer(text="查订单号", audience="agent"),
        ),
        related=("card",),
        valid_until=NOW + 10,
        hot=2,
    )
    return Base(id="b", name="b", topics=(refund, Topic(id="card", question="Where is my card?")))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ＨＥＬＬＯ　World", "hello world"),
        ("軟體壞了", "软件坏了"),
        ("退款😀", "退款"),
        ("怎麼退款", "怎么退款"),
        ("what’s up", "what's up"),
        ("a\u200bb\ud800", "ab"),
    ],
)
def test_spellings_of_one_question_become_one_text(one, other):
    assert normalise(one) == normalise(other)


def test_simplified_text_stays_as_it_is():
    assert normalise("怎么什么后干里面") == "怎么什么后干里面"


def test_punctuation_does_not_make_another_question():
    assert match_key(normalise("我要，退款！")) == match_key(normalise("我要退款"))


def test_a_huge_question_is_cut_and_bytes_are_not_readable():
    assert len(normalise("字" * 10_000)) <= MAX_CHARS
    assert not is_readable("\x00\x01\x02\ufffd" * 20)
    assert is_readable("<script>alert(1)</script>\n你好")


@pytest.mark.parametrize("kind", ["csv", "xlsx", "yaml"])
def test_an_exported_base_comes_back_the_same(kind):
    back = import_base(export_base(_base(), kind), kind, name="b", now=NOW)
    assert back.bad == []
    assert back.base is not None
    assert back.base.topics == _base().topics


BAD = "id,question,enabled,valid_until\na,How much?,yes,\nb,,,\nc,Where?,maybe,\nd,When?,,soon\n"


def test_bad_rows_are_named_with_number_and_reason_and_the_good_ones_stay():
    got = import_base(BAD.encode(), "csv", name="b", now=NOW)
    assert [row.number for row in got.bad] == [3, 4, 5]
    assert [row.reason.split(":")[0] for row in got.bad] == ["question", "enabled", "valid_until"]
    assert got.base is not None
    assert [topic.id for topic in got.base.topics] == ["a"]


def test_all_or_none_takes_none():
    got = import_base(BAD.encode(), "csv", name="b", now=NOW, all_or_none=True)
    assert got.base is None
    assert len(got.bad) == 3


def test_chinese_headings_and_gb18030_are_understood():
    data = "编号,标准问,相似问,答案\n1,怎么退款,我要退款,原路退回\n".encode("gb18030")
    base = import_base(data, "csv", name="b", now=NOW).base
    assert base is not None
    assert base.topics[0].phrasings() == ("怎么退款", "我要退款")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x00\x01", "xlsx"),
        (b"a: &x [*x]", "yaml"),
        (b"a: !!python/object:os.system {}", "yaml"),
        (b"name\nx\n", "csv"),
        (b"", "csv"),
        (b"- just a text", "yaml"),
    ],
)
def test_a_file_that_is_no_base_is_refused_or_empty(data, kind):
    try:
        got = import_base(data, kind, name="b", now=NOW)
    except FileError:
        return
    assert got.topics_n == 0
    assert got.bad


def test_an_unknown_kind_of_file_is_refused():
    assert format_of("a/B.XLSX") == "xlsx"
    with pytest.raises(FileError):
        format_of("a.exe")


def test_cycles_duplicates_and_expired_topics_are_found():
    base = Base(
        id="b",
        name="b",
        categories=(Category(id="x", name="x", parent="y"), Category(id="y", name="y", parent="x")),
        topics=(
            Topic(id="1", question="Hello?", valid_until=NOW - 1),
            Topic(id="2", question="HELLO", related=("9",), category="z"),
            Topic(id="2", question="other", valid_from=5.0, valid_until=4.0),
        ),
    )
    found = {problem.code for problem in check(base, NOW)}
    assert found >= {
        "category_cycle",
        "duplicate_id",
        "duplicate_question",
        "expired",
        "few_phrasings",
        "no_answer",
        "related_unknown",
        "unknown_category",
        "validity_reversed",
    }


def test_a_topic_lives_from_until_and_only_when_enabled():
    topic = topic_of({"question": "q", "valid_from": "2026-01-01", "valid_until": "2026-02-01"}, 2)
    assert topic.valid_from is not None
    assert topic.valid_until is not None
    assert not topic.is_live(topic.valid_from - 1)
    assert topic.is_live(topic.valid_from)
    assert not topic.is_live(topic.valid_until)


def test_hot_topics_and_agent_answers_are_kept_apart():
    base = _base()
    assert [topic.id for topic in base.hot(NOW)] == ["refund"]
    assert base.hot(NOW + 10) == []
    [refund] = [topic for topic in base.topics if topic.id == "refund"]
    assert [a.text for a in refund.answers_for("agent")] == ["查订单号"]
