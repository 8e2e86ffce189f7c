"""A decision in words, in Chinese and in English, from its row alone."""

from __future__ import annotations

from collections import Counter
from typing import Literal

from policies.decisions import Candidate, Decision, Outcome
from policies.view import HOLD

Language = Literal["zh", "en"]

_REASONS: dict[Language, dict[str, str]] = {
    "en": {
        "disabled": "account off",
        "not_available": "not available",
        "capacity": "no room",
        "channel": "no room for this channel",
        "quota": "today's quota of this queue used up",
        "named": "the contact is for another agent",
        "excluded": "must not get this contact",
        "tried": "declined or missed it",
        "preferred": "the contact waits for its preferred agent",
        "kind": "of the other kind (bot or human)",
        "group": "not in the queue's groups",
        "language": "does not speak the customer's language",
        "skill": "lacks a skill or its level",
    },
    "zh": {
        "disabled": "账号已停用",
        "not_available": "不是可用状态",
        "capacity": "没有空余容量",
        "channel": "该渠道已满",
        "quota": "今日此队列的配额已用完",
        "named": "该请求指定了其他客服",
        "excluded": "不得接此请求",
        "tried": "已拒绝或错过此请求",
        "preferred": "该请求正在等待首选客服",
        "kind": "类型不符（机器人或人工）",
        "group": "不在此队列的组内",
        "language": "不会客户的语言",
        "skill": "缺少技能或等级不够",
    },
}
_ENDINGS: dict[Language, dict[str, str]] = {
    "en": {
        "accepted": "accepted",
        "declined": "declined",
        "missed": "missed",
        "withdrawn": "withdrawn",
        "failed": "failed",
    },
    "zh": {
        "accepted": "已接受",
        "declined": "被拒绝",
        "missed": "被错过",
        "withdrawn": "已撤回",
        "failed": "失败",
    },
}
_MEASURED: dict[Language, dict[str, str]] = {
    "en": {"wait_s": "waited {:.1f} s", "handle_s": "handled {:.1f} s", "rating": "rated {}"},
    "zh": {"wait_s": "等待 {:.1f} 秒", "handle_s": "处理 {:.1f} 秒", "rating": "评分 {}"},
}
_ANSWERS: dict[Language, dict[str, dict[bool, str]]] = {
    "en": {
        "abandoned": {True: "the customer left while waiting"},
        "transfers_n": {True: "handed on"},
        "solved": {True: "solved", False: "not solved"},
        "recontact_7d": {True: "asked again within 7 days", False: "not back within 7 days"},
    },
    "zh": {
        "abandoned": {True: "客户在等待中离开"},
        "transfers_n": {True: "已转接"},
        "solved": {True: "已解决", False: "未解决"},
        "recontact_7d": {True: "7 天内再次来访", False: "7 天内未再来访"},
    },
}
_RESULTS: dict[Language, dict[str, str]] = {
    "en": {
        "offered": "An offer was made.",
        "accepted": "It was assigned at once, as the queue accepts by itself.",
        "held": "It was given to nobody: the policy held it back.",
        "stale": "It was not used: another policy's decision of the same instant took the agent.",
    },
    "zh": {
        "offered": "已向其发出邀请。",
        "accepted": "该队列自动接受，已立即分配。",
        "held": "未分给任何人：策略选择暂缓。",
        "stale": "未采用：同一时刻另一策略的决定已占用该客服。",
    },
}


def explain(row: Decision, language: Language) -> str:
    """Return the decision in a few sentences: what was asked, who could, who was chosen and why."""
    parts = _chinese(row) if language == "zh" else _english(row)
    return "\n".join(part for part in parts if part)


def _english(row: Decision) -> list[str]:
    contact = row.contact
    needs = ", ".join(f"{skill} {level}" for skill, level in sorted(contact.needs.items()))
    asked = [
        (
            f"Decision {row.id}: contact {contact.session} of queue {contact.queue} had waited "
            f"{row.at - contact.arrived_at:.1f} s."
        ),
        (
            f"Its virtual age was {row.at - contact.virtual_at:.1f} s (VIP level {contact.vip}); "
            f"it needed {needs or 'no skill'}, {contact.units} unit(s) of {contact.channel}"
            f"{f', language {contact.needs_lang}' if contact.needs_lang else ''}"
            f"{f', after relaxation step {contact.relaxed}' if contact.relaxed else ''}."
        ),
    ]
    chosen = f"agent {row.action}" if row.action != HOLD else "nobody"
    how = [
        f"Policy {_policy(row)} chose {chosen} with probability {row.propensity:.4g} "
        f"(seed {row.seed}, {row.latency_s * 1000:.1f} ms). " + _RESULTS["en"][row.result],
        f"It stood in for the queue's own policy: {row.fallback_reason}."
        if row.fallback_level
        else "",
        f"Guards: {', '.join(row.guards)}." if row.guards else "",
    ]
    return [*asked, _who(row, "en"), *how, _scores(row, "Score"), _came_of_it(row.outcome, "en")]


def _chinese(row: Decision) -> list[str]:
    contact = row.contact
    needs = "、".join(f"{skill} {level} 级" for skill, level in sorted(contact.needs.items()))
    asked = [
        (
            f"决定 {row.id}：队列 {contact.queue} 的请求 {contact.session} 已等待 "
            f"{row.at - contact.arrived_at:.1f} 秒。"
        ),
        (
            f"虚拟等待 {row.at - contact.virtual_at:.1f} 秒（VIP {contact.vip} 级）；"
            f"需要{needs or '任意技能'}，占用 {contact.channel} 容量 {contact.units}"
            f"{f'，语言 {contact.needs_lang}' if contact.needs_lang else ''}"
            f"{f'，已放宽 {contact.relaxed} 步' if contact.relaxed else ''}。"
        ),
    ]
    chosen = f"客服 {row.action}" if row.action != HOLD else "不分配"
    how = [
        f"策略 {_policy(row)} 以概率 {row.propensity:.4g} 选择{chosen}"
        f"（种子 {row.seed}，用时 {row.latency_s * 1000:.1f} 毫秒）。" + _RESULTS["zh"][row.result],
        f"它代替了队列自己的策略：{row.fallback_reason}。" if row.fallback_level else "",
        f"触发的保护：{'、'.join(row.guards)}。" if row.guards else "",
    ]
    return [*asked, _who(row, "zh"), *how, _scores(row, "评分"), _came_of_it(row.outcome, "zh")]


def _policy(row: Decision) -> str:
    name = row.policy if row.chosen_by in ("", row.policy) else f"{row.policy} > {row.chosen_by}"
    version = f" {row.policy_version}" if row.policy_version else ""
    model = f", model {row.model_version}" if row.model_version else ""
    arm = f", {row.experiment}: {row.arm}" if row.experiment else ""
    return f"{name}{version}{model}{arm}"


def _who(row: Decision, language: Language) -> str:
    able = [one.agent for one in row.candidates if one.eligible]
    unable = Counter(one.reason for one in row.candidates if not one.eligible)
    texts = _REASONS[language]
    if language == "zh":
        why = "；".join(f"{n} 人{texts.get(code, code)}" for code, n in unable.most_common())
        if row.detail != "full":
            return (
                f"共 {row.agents_n} 名客服；本行只记录了 {len(row.candidates)} 名（{row.detail}）。"
            )
        return f"{row.agents_n} 名客服中 {len(able)} 名可接（{_some(able)}）" + (
            f"；其余：{why}。" if why else "。"
        )
    why = "; ".join(f"{n} {texts.get(code, code)}" for code, n in unable.most_common())
    if row.detail != "full":
        return f"There were {row.agents_n} agents; this row holds {len(row.candidates)} of them ({row.detail})."  # noqa: E501
    return f"Of {row.agents_n} agents {len(able)} could take it ({_some(able)})" + (
        f"; the others: {why}." if why else "."
    )


def _some(names: list[str]) -> str:
    return ", ".join(names[:10]) + (", ..." if len(names) > 10 else "") if names else "-"


def _scores(row: Decision, word: str) -> str:
    scored = [one for one in row.candidates if one.scores or one.predictions or one.propensity]
    if all(not one.scores and not one.predictions for one in scored):
        return ""
    return "\n".join(f"{word} {one.agent}: {_numbers(one)}" for one in scored[:20])


def _numbers(one: Candidate) -> str:
    parts = {**one.scores, **one.predictions}
    told = ", ".join(f"{name} {value:.4g}" for name, value in sorted(parts.items()))
    return f"{told} (p {one.propensity:.4g})"


def _came_of_it(outcome: Outcome | None, language: Language) -> str:
    if outcome is None:
        return ""
    parts = [] if outcome.ending is None else [_ENDINGS[language][outcome.ending]]
    for field, words in _MEASURED[language].items():
        value = getattr(outcome, field)
        if value is not None:
            parts.append(words.format(value))
    for field, answers in _ANSWERS[language].items():
        value = getattr(outcome, field)
        if value is not None and bool(value) in answers:
            parts.append(answers[bool(value)])
    if not parts:
        return ""
    return (
        f"结果：{'，'.join(parts)}。"
        if language == "zh"
        else f"What came of it: {', '.join(parts)}."
    )
