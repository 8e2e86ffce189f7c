"""Shadows without effect, arms by block and by contact: on the exam's random centres."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from policies.checks import CHECKS, NOW, Check, centres, reads_nothing_into_ids
from policies.experiments.arms import CANDIDATE, LIVE, ByBlock, ByContact, arm_of
from policies.experiments.design import Design
from policies.experiments.shadow import Shadow
from policies.last_idle import LastIdle
from policies.least_busy import LeastBusy
from policies.longest_idle import LongestIdle
from policies.random_eligible import RandomEligible
from policies.view import Match, Policy, View

CENTRES = list(centres(n=30))
DESIGN = Design(start=0.0, end=2 * 86_400.0, block_s=3_600.0, days="any", hours=False)


class Raises:
    name = "raises"

    def decide(self, view: View, rng: Random) -> list[Match]:
        raise RuntimeError("no")


class Vandal:
    name = "vandal"

    def decide(self, view: View, rng: Random) -> list[Match]:
        view.limit, view.only = 0, frozenset()
        view.pool.free.clear()
        return []


class Nonsense:
    name = "nonsense"

    def decide(self, view: View, rng: Random) -> list[Match]:
        rng.seed(1)
        return [None]  # type: ignore[list-item]


def bare(matches: list[Match]) -> list[tuple[str, str]]:
    return [(match.contact, match.agent) for match in matches]


@pytest.mark.parametrize("live", [LongestIdle, RandomEligible])
def test_shadows_have_no_effect_whatever_they_do(live: type) -> None:
    shadows: list[Policy] = [Raises(), Vandal(), Nonsense(), LastIdle(), RandomEligible()]
    shadow = Shadow(live(), shadows, rest_s=0.0, clock=lambda: 0.0)
    for seed, view in CENTRES:
        free, bounds = set(view.pool.free), (view.limit, view.only)
        rng, alone = Random(seed), Random(seed)
        assert bare(shadow.decide(view, rng)) == bare(live().decide(view, alone))
        assert rng.getstate() == alone.getstate()
        assert (view.pool.free, (view.limit, view.only)) == (free, bounds)
    failed = {name: tally.failed_n for name, tally in shadow.tallies.items()}
    assert failed["last_idle"] == failed["random_eligible"] == 0
    assert failed["raises"] == failed["vandal"] == failed["nonsense"] > 0


def test_what_a_shadow_would_have_done_is_told_and_counted() -> None:
    shadow = Shadow(LongestIdle(), [LongestIdle2()], clock=lambda: 0.0)
    for seed, view in CENTRES:
        for match in shadow.decide(view, Random(seed)):
            assert match.why.shadow == {"longest_idle_2": match.agent}
    tally = shadow.tallies["longest_idle_2"]
    assert tally.agreed_n == tally.matches_n > 0


class LongestIdle2(LongestIdle):
    name = "longest_idle_2"


def test_a_late_shadow_rests_and_a_share_of_rounds_is_shown() -> None:
    ticks = iter(range(1_000))
    late = Shadow(LongestIdle(), [LastIdle()], budget_s=0.5, clock=lambda: float(next(ticks)))
    for seed, view in CENTRES:
        late.decide(view, Random(seed))
    assert late.tallies["last_idle"].asked_n == late.tallies["last_idle"].late_n == 1
    never = Shadow(LongestIdle(), [LastIdle()], share=0.0)
    for seed, view in CENTRES:
        told = [match.why for match in never.decide(view, Random(seed))]
        assert {(why.policy, *why.shadow) for why in told} <= {("longest_idle",)}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_arms_and_shadows_pass_the_exam(check: Check) -> None:
    if check is not reads_nothing_into_ids:  # its arms are hashes of ids
        check(lambda: ByContact(LongestIdle(), LeastBusy(), 0.5, "test"))
    check(lambda: ByBlock(LongestIdle(), LeastBusy(), DESIGN, "test"))


def test_a_block_belongs_to_one_policy_and_the_log_is_told() -> None:
    for seed, design in ((s, replace(DESIGN, seed=s)) for s in range(6)):
        policy = ByBlock(LongestIdle(), LastIdle(), design, "switch")
        arm = design.arm_at(NOW)
        inner = (LongestIdle(), LastIdle())[arm]
        for _, view in CENTRES[:5]:
            matches = policy.decide(view, Random(seed))
            assert bare(matches) == bare(inner.decide(view, Random(seed)))
            for match in matches:
                why = match.why
                assert (why.experiment, why.arm, why.block, why.policy) == (
                    "switch",
                    (LIVE, CANDIDATE)[arm],
                    str(int(NOW // 3600)),
                    inner.name,
                )


def test_contacts_keep_their_arm_while_the_share_grows() -> None:
    ids = [str(number) for number in range(4_000)]
    arms = {share: [arm_of(i, "x", share) == CANDIDATE for i in ids] for share in (0.05, 0.25)}
    assert all(later or not earlier for earlier, later in zip(*arms.values(), strict=True))
    assert 800 < sum(arms[0.25]) < 1_200
    assert not any(arm_of(i, "x", 0.0) == CANDIDATE for i in ids)
    assert all(arm_of(i, "x", 1.0) == CANDIDATE for i in ids)
    assert arms[0.25] != [arm_of(i, "y", 0.25) == CANDIDATE for i in ids]


def test_the_candidate_chooses_the_agent_of_its_contacts_alone() -> None:
    moved = 0
    for seed, view in CENTRES:
        before = dict(bare(LongestIdle().decide(view, Random(seed))))
        for match in ByContact(LongestIdle(), LastIdle(), 0.5, "x").decide(view, Random(seed)):
            arm = arm_of(match.contact, "x", 0.5)
            assert match.why.arm == arm
            moved += match.agent != before[match.contact]
            assert arm == CANDIDATE or match.agent == before[match.contact]
    assert moved > 0


@pytest.mark.parametrize("bad", [Raises, Nonsense])
def test_a_candidate_that_fails_leaves_the_live_choice(bad: type) -> None:
    for seed, view in CENTRES:
        matches = ByContact(LongestIdle(), bad(), 1.0, "x").decide(view, Random(seed))
        assert bare(matches) == bare(LongestIdle().decide(view, Random(seed)))
        assert all(match.why.guards == (CANDIDATE,) for match in matches)


def test_shares_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="share: 2; allowed: 0 to 1"):
        ByContact(LongestIdle(), LastIdle(), 2, "x")
    with pytest.raises(ValueError, match="share: -1; allowed: 0 to 1"):
        Shadow(LongestIdle(), [], share=-1)
