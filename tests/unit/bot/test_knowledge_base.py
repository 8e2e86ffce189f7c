"""The knowledge base: spelling, versions, checks, and files that come and go."""

import io

import msgspec
import openpyxl
import pytest

from bot import tables
from bot.checking import check
from bot.knowledge import Answer, Base, Category, Topic
from bot.normalise import MAX_CHARS, is_readable, match_key, normalise
from bot.rows import MAX_CELL, topic_of
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


def _csv(*lines):
    return import_base("\n".join(lines).encode(), "csv", name="b", now=NOW)


def _ids(got):
    return [topic.id for topic in got.base.topics]


def test_unreadable_rows_are_known_by_their_id():
    got = import_base(BAD.encode(), "csv", name="b", now=NOW)
    assert got.rows == {"a": 2, "b": 3, "c": 4, "d": 5}


def _big():
    topic = Topic(
        id="a",
        question="q",
        similar=tuple(f"{n}{'字' * 1990}" for n in range(100)),
        answers=(
            *(Answer(text=f"{n}" + "x" * (MAX_CELL - 1)) for n in range(8)),
            *(Answer(kind="card", title=f"{n}", text="x" * MAX_CELL) for n in range(8)),
            *(Answer(text=f"{n}" + "y" * (MAX_CELL - 1), audience="agent") for n in range(8)),
        ),
        related=("a",) * 2,
    )
    return Base(id="b", name="b", topics=(topic,))


@pytest.mark.parametrize("kind", ["csv", "yaml"])
def test_what_is_large_by_being_many_comes_back_the_same(kind):
    back = import_base(export_base(_big(), kind), kind, name="b", now=NOW)
    assert back.bad == []
    assert back.base.topics == _big().topics


def test_excel_cannot_hold_a_cell_that_is_too_long():
    with pytest.raises(FileError, match=r"'a': similar: .*32767.*csv or yaml"):
        export_base(_big(), "xlsx")


@pytest.mark.parametrize(
    "name", ["similar", "related", "image", "answer", "agent_answer", "source"]
)
def test_one_part_of_a_cell_that_is_too_long_is_bad(name):
    got = _csv(f"id,question,{name}", f"a,q,{'x' * (MAX_CELL + 1)}", "b,r,")
    assert [(bad.number, bad.reason) for bad in got.bad] == [
        (2, f"{name}: more than {MAX_CELL} characters")
    ]
    assert _ids(got) == ["b"]


@pytest.mark.parametrize(
    "cards",
    [
        msgspec.json.encode([Answer(kind="card", title="x" * (MAX_CELL + 1))]).decode(),
        '[{"x":' + "[" * 100_000,
        "nothing",
    ],
)
def test_cards_that_cannot_be_read_cost_their_row(cards):
    cell = cards.replace('"', '""')
    got = _csv("id,question,cards", f'a,q,"{cell}"', "b,r,")
    assert [bad.reason.split(":")[0] for bad in got.bad] == ["cards"]
    assert _ids(got) == ["b"]


def test_a_cell_that_is_long_beyond_measure_costs_its_row_only():
    got = _csv("id,question", f"a,{'x' * 200_000}", "b,r")
    assert [bad.number for bad in got.bad] == [2]
    assert _ids(got) == ["b"]


def test_characters_that_excel_refuses_are_left_out():
    base = Base(id="b", name="b", topics=(Topic(id="a", question="a\x0bb\x00c"),))
    back = import_base(export_base(base, "xlsx"), "xlsx", name="b", now=NOW)
    assert back.base.topics[0].question == "abc"


def _xlsx(*rows, last=""):
    book = openpyxl.Workbook()
    for row in rows:
        book.worksheets[0].append(row)
    if last:
        book.worksheets[0][last] = "x"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_columns_far_to_the_right_are_not_read():
    data = _xlsx(["question", "id"], ["q", "a"], last="XFD2")
    read = list(tables._sheet(data))
    assert [len(list(row)) for _, row in read] == [tables.MAX_COLUMNS] * 2
    assert _ids(import_base(data, "xlsx", name="b", now=NOW)) == ["a"]


def test_a_sheet_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(tables, "MAX_ROWS", 3)
    rows = [["question"], ["q"], ["r"]]
    assert import_base(_xlsx(*rows), "xlsx", name="b", now=NOW).topics_n == 2
    with pytest.raises(FileError, match="more than 3 rows"):
        import_base(_xlsx(*rows, last="A1000"), "xlsx", name="b", now=NOW)


def test_an_xlsx_that_breaks_off_while_it_is_read_is_refused(monkeypatch):
    def broken(_self, **_more):
        yield ("question",)
        raise ValueError("broken")

    sheet = openpyxl.worksheet._read_only.ReadOnlyWorksheet
    monkeypatch.setattr(sheet, "iter_rows", broken)
    with pytest.raises(FileError, match="not a readable xlsx file: broken"):
        import_base(_xlsx(["question"]), "xlsx", name="b", now=NOW)


def test_a_row_without_an_id_has_one_of_its_question():
    [one], [other] = (_ids(_csv("question", *rows)) for rows in (["怎么退款？"], ["怎麼退款"]))
    assert one == other
    assert one.startswith("q-")
    assert _ids(_csv("question", "where", "when")) != _ids(_csv("question", "when", "where"))


def test_every_later_row_of_an_id_is_reported():
    got = _csv("id,question", "a,", "a,first", "a,second", "b,other", "a,third")
    assert [(bad.number, bad.reason) for bad in got.bad] == [
        (2, "question: empty"),
        (4, "id: 'a' is also that of row 3"),
        (6, "id: 'a' is also that of row 3"),
    ]
    assert [topic.question for topic in got.base.topics] == ["first", "other"]
    assert got.rows == {"a": 3, "b": 5}


@pytest.mark.parametrize("value", ["9" * 5000, "0x" + "f" * 5000, "2026-02-30", "[0b_]"])
def test_a_yaml_value_that_cannot_be_read_costs_its_row_only(value):
    data = f"- {{id: a, question: q, similar: {value}}}\n- {{id: b, question: r}}".encode()
    got = import_base(data, "yaml", name="b", now=NOW)
    assert [(bad.number, bad.reason.split(":")[0]) for bad in got.bad] == [(1, "similar")]
    assert got.rows == {"a": 1, "b": 2}
    assert _ids(got) == ["b"]


LINKED = (
    "id,question,related,hot",
    'a,one,"b\nc\nd",',
    "b,two,,x",
    "c,three,nowhere,",
    "d,four,draft,",
)


def test_a_link_to_a_row_that_was_left_out_is_dropped_and_told():
    data = "\n".join(LINKED).encode()
    got = import_base(data, "csv", name="b", now=NOW, known=["draft"])
    assert {topic.id: topic.related for topic in got.base.topics} == {"a": ("d",), "d": ("draft",)}
    told = [(one.topic, one.severity) for one in got.problems if one.code == "related_unknown"]
    assert told == [("c", "error"), ("a", "warning"), ("a", "warning")]
    assert _ids(import_base(data, "csv", name="b", now=NOW)) == ["a"]


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
    topic = topic_of({"question": "q", "valid_from": "2026-01-01", "valid_until": "2026-02-01"})
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
