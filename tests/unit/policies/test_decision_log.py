"""The decision log: rows say everything, survive Parquet, and can be decided again."""

from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies import checks, registry
from policies.decision_files import decode, encode, read, write
from policies.decisions import (
    DAY_S,
    WEEK_S,
    Decision,
    DecisionLogError,
    Detail,
    Outcome,
    check,
)
from policies.joining import join
from policies.replay import CannotReplayError, differences, replay
from policies.rounds import Choice, Round, rows_of
from policies.view import HOLD, Match, Why

CENTRES = list(checks.centres())
NAMES = ("longest_idle", "least_busy", "random_eligible", "generalised_cmu", "fixed_cap")


def round_of(number: int, name: str, detail: Detail = "full") -> Round | None:
    """Return one random centre's round by that policy, None if it matches nobody."""
    seed, view = CENTRES[number]
    matches = registry.make(name).decide(view, Random(seed))
    if not matches:
        return None
    agents, contacts = list(view.agents()), list(view.waiting)
    return Round(
        id=f"r{number}",
        at=view.now,
        org="acme",
        trigger="ContactWaiting",
        seed=seed,
        policy=name,
        latency_s=0.001,
        limit=view.limit,
        detail=detail,
        agents=agents,
        contacts=contacts,
        queues=list(view.queues.values()),
        customers={match.contact: f"of {match.contact}" for match in matches},
        agents_n=len(agents),
        waiting_n=len(contacts),
        choices=[
            Choice(f"d{number}.{place}", match.contact, match.agent, "offered", match.why)
            for place, match in enumerate(matches)
        ],
    )


def some_rows(name: str = "longest_idle") -> list[Decision]:
    made = (round_of(number, name) for number in range(10))
    return [row for one in made if one is not None for row in rows_of(one)]


@settings(max_examples=60, deadline=None)
@given(number=st.integers(0, len(CENTRES) - 1), name=st.sampled_from(NAMES))
def test_seed_and_row_give_the_same_action_after_journal_and_parquet(number, name):
    made = round_of(number, name)
    if made is None:
        return
    stored = msgspec.msgpack.decode(msgspec.msgpack.encode(made), type=Round)
    rows = check(rows_of(stored), "here")
    again = decode(encode(rows, Decision), Decision, "file")
    assert again == rows
    assert differences(again) == []
    assert [(m.contact, m.agent) for m in replay(again[0])] == [
        (row.contact.session, row.action) for row in rows
    ]


@settings(max_examples=60, deadline=None)
@given(number=st.integers(0, len(CENTRES) - 1), name=st.sampled_from(NAMES))
def test_propensities_sum_to_one_and_only_the_eligible_have_any(number, name):
    made = round_of(number, name)
    for row in rows_of(made) if made is not None else []:
        total = row.hold_propensity + sum(one.propensity for one in row.candidates)
        assert total == pytest.approx(1.0)
        assert all(one.eligible or one.propensity == 0 for one in row.candidates)
        assert next(one for one in row.candidates if one.agent == row.action).eligible


def test_a_random_choice_says_how_probable_it_was():
    rows = some_rows("random_eligible")
    assert any(len([c for c in row.candidates if c.eligible]) > 1 for row in rows)
    for row in rows:
        eligible_n = len([one for one in row.candidates if one.eligible])
        assert row.propensity == pytest.approx(1 / eligible_n)


def test_a_replay_with_another_policy_shows_where_it_differs():
    rows = some_rows("longest_idle")
    assert differences(rows, registry.make("last_idle"))


def test_a_held_contact_is_a_row_too():
    made = round_of(4, "longest_idle")
    assert made is not None
    held = msgspec.structs.replace(
        made,
        choices=[Choice("d", made.choices[0].contact, HOLD, "held", Why(propensities={HOLD: 1.0}))],
    )
    (row,) = check(rows_of(held), "here")
    assert (row.action, row.propensity, row.hold_propensity) == (HOLD, 1.0, 1.0)


def test_a_row_of_a_huge_centre_holds_the_chosen_agent_and_cannot_be_replayed():
    made = round_of(4, "longest_idle", detail="chosen")
    assert made is not None
    row = check(rows_of(made), "here")[0]
    assert [one.agent for one in row.candidates] == [row.action]
    with pytest.raises(CannotReplayError, match="detail is 'chosen'"):
        replay(row)


def test_files_are_read_back_once_each_by_time_with_outcomes(tmp_path):
    rows = some_rows()
    write(tmp_path / "a.parquet", rows[3:])
    write(tmp_path / "b.parquet", rows)
    folder = tmp_path / "outcomes" / "acme" / "2026-11-24"
    folder.mkdir(parents=True)
    first = rows[0]
    parts = [
        Outcome(decision=first.id, session="s", at=1.0, ending="accepted", wait_s=4.0),
        Outcome(decision=first.id, session="s", at=2.0, handle_s=60.0, rating=5),
    ]
    (folder / "c.parquet").write_bytes(encode(parts, Outcome))
    found = read(tmp_path)
    assert len(found) == len(rows)
    outcome = next(row for row in found if row.id == first.id).outcome
    assert (outcome.ending, outcome.wait_s, outcome.handle_s, outcome.rating) == (
        "accepted",
        4.0,
        60.0,
        5,
    )


def test_an_unknown_part_of_an_outcome_does_not_undo_a_known_one():
    rows = some_rows()[:1]
    late = Outcome(decision=rows[0].id, session="s", at=9.0, handle_s=7.0)
    early = Outcome(decision=rows[0].id, session="s", at=1.0, rating=4)
    assert join(rows, [late, early])[0].outcome.rating == 4


def test_a_corrected_disposition_takes_back_what_the_first_one_meant():
    rows = some_rows()[:1]
    first = Outcome(decision=rows[0].id, session="s", at=1.0, disposition="done", solved=True)
    second = Outcome(decision=rows[0].id, session="s", at=2.0, disposition="spam")
    outcome = join(rows, [first, second])[0].outcome
    assert (outcome.disposition, outcome.solved) == ("spam", None)


def ended_at(row: Decision, at: float, **fields) -> Outcome:
    return Outcome(decision=row.id, session="s", at=at, transfers_n=0, **fields)


@pytest.mark.parametrize(
    ("silent_s", "said"),
    [(DAY_S, (None, None)), (DAY_S + 1, (False, None)), (WEEK_S + 1, (False, False))],
)
def test_who_is_not_back_while_the_log_goes_on_did_not_come_back(silent_s, said):
    rows = some_rows()[:1]
    (row,) = join(rows, [ended_at(rows[0], 5.0)], known_until=5.0 + silent_s)
    assert (row.outcome.recontact_1d, row.outcome.recontact_7d) == said


def test_silence_says_nothing_of_who_handed_on_of_bots_and_of_who_came_back():
    rows = some_rows()[:1]
    part = ended_at(rows[0], 5.0)
    later = 6.0 + WEEK_S

    def said(rows, *parts, until=later):
        outcome = join(rows, parts, known_until=until)[0].outcome
        return outcome.recontact_1d, outcome.recontact_7d

    assert said(rows, msgspec.structs.replace(part, transfers_n=1)) == (None, None)
    assert said(rows, part, until=None) == (None, None)
    bot = msgspec.structs.replace(rows[0].contact, kind="bot")
    assert said([msgspec.structs.replace(rows[0], contact=bot)], part) == (None, None)
    back = Outcome(decision=rows[0].id, session="s", at=9.0, recontact_1d=False, recontact_7d=True)
    assert said(rows, part, back) == (False, True)


def test_a_folder_tells_from_its_latest_outcome_how_long_it_was_silent(tmp_path):
    rows = some_rows()[:2]
    write(tmp_path / "rows.parquet", rows)
    folder = tmp_path / "outcomes"
    folder.mkdir()
    told = [ended_at(rows[0], 5.0), ended_at(rows[1], 6.0 + DAY_S)]
    (folder / "o.parquet").write_bytes(encode(told, Outcome))
    found = {row.id: row.outcome.recontact_1d for row in read(tmp_path)}
    assert found == {rows[0].id: False, rows[1].id: None}


def _wrong(rows: list[Decision], **fields) -> list[Decision]:
    return [msgspec.structs.replace(rows[0], **fields)]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"schema": 99}, r"log: decision \S+: schema: 99; allowed: 1"),
        ({"propensity": 0.0}, r"propensity: 0.0; allowed: more than 0, at most 1"),
        ({"action": "nobody"}, r"action: 'nobody'; allowed: one of the candidates"),
        ({"hold_propensity": 0.5}, r"their sum is 1.5; allowed: 1"),
    ],
)
def test_a_bad_row_is_refused_by_file_field_and_what_is_allowed(fields, message):
    with pytest.raises(DecisionLogError, match=message):
        check(_wrong(some_rows(), **fields), "log")


def test_files_of_another_kind_or_version_are_refused(tmp_path):
    (tmp_path / "x.parquet").write_bytes(b"no parquet")
    with pytest.raises(DecisionLogError, match=r"x\.parquet: not a Parquet file"):
        read(tmp_path)
    outcome = encode([Outcome(decision="d", session="s", at=1.0)], Outcome)
    with pytest.raises(DecisionLogError, match="kind: Outcome; allowed: Decision"):
        decode(outcome, Decision, "o.parquet")
    with pytest.raises(DecisionLogError, match="no such file"):
        read(tmp_path / "missing")


def test_a_file_of_a_later_schema_is_refused(monkeypatch):
    monkeypatch.setattr("policies.decision_files.VERSION", 2)
    data = encode(some_rows(), Decision)
    monkeypatch.undo()
    with pytest.raises(DecisionLogError, match=r"f: raydesk.schema: 2; allowed: 1"):
        decode(data, Decision, "f")


def test_a_match_without_reasons_is_a_plain_pair():
    assert Match("c", "a") == Match("c", "a", None)
