"""The bot's side of one conversation, as a pure state machine over what the model found.

Hear a customer (`heard`), ask the model if told to, then say what was found (`understood`), or that
nothing was (`failed`). All that the state holds can be read back from the session's own journal
(`recall`), so that a bot that was started again goes on where it was.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from bot.acts import Act, Found, HandOff, Reply, Say, TakeMessage
from bot.decisions import Suggestion
from bot.handoff import HandoffRules, Reason, Turn, summarise, why_hand_off
from bot.normalise import normalise
from bot.texts import TEXTS, Lang, Texts, courtesy_of, language_of

LINES_N = 12
TOPICS_N = 5
SUGGESTIONS_N = 5
BUTTONS_N = 8
"""Most buttons of a card (`serve.wire`)."""
_NUMBER = re.compile(
    r"(?:第|no\.? ?|number |#|option |选)?(\d|[一二两三四五六七八])[个条号项.、)]?(?:吧|呢)?"
)
_DIGITS = {c: n for n, c in enumerate("一二三四五六七八", start=1)} | {"两": 2}
_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5}
_WISHES: tuple[Reason, ...] = ("button", "asked")
"""Who says so gets a person, even after nobody could be had."""
_HANDING = ("handing_off", "bot_failed", "sorry", "seen")


class Ways(msgspec.Struct, frozen=True):
    """How this bot behaves: its rules and its wording."""

    rules: HandoffRules
    texts: Texts


class Talked(msgspec.Struct, frozen=True, kw_only=True):
    """What the bot remembers of a session."""

    lang: Lang = "zh"
    lang_known: bool = False
    """The customer has written something that tells."""
    misses: int = 0
    """Questions in a row that it had no answer to."""
    clarified: bool = False
    """It has just asked which one was meant."""
    offered: tuple[Suggestion, ...] = ()
    """What the buttons of its last card stand for."""
    waiting: bool = False
    """Handed off, and still here until somebody accepts."""
    told_place: bool = False
    leaving: bool = False
    """No human could be had: what is written now may be a message to leave."""
    refusal: str = ""
    """Why none could be had, the last time."""
    vip: int = 0
    lines: tuple[tuple[str, str], ...] = ()
    topics: tuple[str, ...] = ()


class Heard(msgspec.Struct, frozen=True):
    """What follows from a customer's words: `acts` now, and the question for the model, if any.

    `clicked` is the topic that the customer took from the last card."""

    talked: Talked
    acts: tuple[Act, ...] = ()
    question: str = ""
    clicked: str = ""


Next = tuple[Talked, tuple[Act, ...]]


def begin(talked: Talked, hot: Sequence[Suggestion], ways: Ways) -> Next:
    """Greet, with the questions that people often ask; a VIP goes to a human at once."""
    if why_hand_off(Turn(vip=talked.vip), ways.rules) == "vip":
        return _hand_off(talked, "vip", ways)
    text = ways.texts.get("greeting", talked.lang)
    if not talked.lang_known:
        text = "\n".join(ways.texts.get("greeting", lang) for lang in _BOTH)
        return _say(*_card(talked, text, _mixed(hot), ways))
    if hot:
        text = f"{text}\n{ways.texts.get('hot', talked.lang)}"
    return _say(*_card(talked, text, in_language(hot, talked.lang), ways))


def heard(talked: Talked, kind: str, text: str, ways: Ways) -> Heard:
    """Take in what the customer said or sent."""
    text = text.strip()
    talked = noticed(talked, kind, text)
    reason = reason_in(kind, text, ways)
    if reason in _WISHES:
        return Heard(*_wants_human(talked, reason, ways))
    if reason is not None and _may_hand_off(talked):
        return Heard(*_hand_off(talked, reason, ways))
    if kind in ("image", "file"):
        return Heard(*(_take_message if talked.leaving else _missed)(talked, ways))
    if ways.texts.is_none_of_these(text):
        return Heard(*_missed(talked, ways))
    picked = pick(talked.offered, text)
    if picked is not None:
        return Heard(talked, (), picked.question, picked.topic)
    return Heard(talked, (), text) if text else Heard(*_missed(talked, ways))


def reason_in(kind: str, text: str, ways: Ways) -> Reason | None:
    """Return the reason to hand off that lies in the words alone (up to a millisecond for long
    ones)."""
    text = text.strip()
    if kind == "text" and ways.texts.is_human_button(text):
        return "button"
    return why_hand_off(Turn(text=text, kind=kind), ways.rules)


def hands_off(talked: Talked, reason: Reason) -> bool:
    """Tell whether words with that reason, once they are heard, lead to a human."""
    return _may_hand_off(talked) or (reason in _WISHES and not talked.waiting)


def noticed(talked: Talked, kind: str, text: str) -> Talked:
    """Return the state with a customer's words on record, and their language."""
    talked = _noted(talked, "customer", text.strip() or f"({kind})")
    return speaking(talked, text)


def speaking(talked: Talked, text: str) -> Talked:
    """Return the state with the language that the text is in, if it tells."""
    lang = language_of(text, talked.lang)
    known = talked.lang_known or any(language_of(text, other) == lang for other in _other(lang))
    return msgspec.structs.replace(talked, lang=lang, lang_known=known)


def in_language(suggestions: Sequence[Suggestion], lang: Lang) -> Sequence[Suggestion]:
    """Return those in the customer's language; all, if none is."""
    return [one for one in suggestions if language_of(one.question, lang) == lang] or suggestions


def understood(talked: Talked, found: Found, ways: Ways) -> Next:
    """Say what the model found: the answer, a choice, or that there is none."""
    for_people = _is_for_people(found, ways) and _may_hand_off(talked)
    if found.band == "answer" and (found.answers or for_people):
        return _answer(talked, found, ways)
    courtesy = courtesy_of(normalise(talked.lines[-1][1])) if talked.lines else ""
    if courtesy:
        return _say(talked, Reply(text=ways.texts.get(courtesy, talked.lang)))
    if talked.leaving:
        return _take_message(talked, ways)
    if found.band == "fallback" or not found.suggestions:
        return _missed(talked, ways)
    if talked.clarified:  # asked twice in a row which one is meant
        talked = msgspec.structs.replace(talked, misses=talked.misses + 1)
        if _may_hand_off(talked) and why_hand_off(Turn(misses=talked.misses), ways.rules):
            return _hand_off(talked, "misses", ways)
    text = ways.texts.get("clarify", talked.lang)
    talked = msgspec.structs.replace(talked, clarified=True)
    chosen = in_language(found.suggestions[:SUGGESTIONS_N], talked.lang)
    return _say(*_card(talked, text, chosen, ways, none_of_these=True))


def written(talked: Talked, text: str, sources: Sequence[Suggestion], ways: Ways) -> Next:
    """Say what a language model wrote and the base was found to support, with its sources."""
    label = ways.texts.get("sources", talked.lang)
    cited = "；".join(f"[{n}] {one.question}" for n, one in enumerate(sources, 1))
    talked = msgspec.structs.replace(
        _about(talked, [s.question for s in sources]), misses=0, clarified=False, offered=()
    )
    return _say(talked, Reply(text=f"{text}\n{label}{cited}"))


def failed(talked: Talked, ways: Ways) -> Next:
    """The model was late or failed, twice: courtesies are answered, all else goes to a human."""
    courtesy = courtesy_of(normalise(talked.lines[-1][1])) if talked.lines else ""
    if courtesy:
        return _say(talked, Reply(text=ways.texts.get(courtesy, talked.lang)))
    if talked.leaving:
        return _take_message(talked, ways)
    if talked.waiting:
        return _say(talked, Reply(text=ways.texts.get("fallback", talked.lang)))
    return _hand_off(talked, "bot_failed", ways)


def owed(talked: Talked, ways: Ways) -> Next:
    """Hand off, as was said before the bot was started again."""
    last = next((text for who, text in reversed(talked.lines) if who == "customer"), "")
    reason = why_hand_off(Turn(text=last), ways.rules) or "misses"
    talked, acts = _hand_off(talked, reason, ways)
    return talked, tuple(act for act in acts if isinstance(act, HandOff))


def rated(talked: Talked, score: int, ways: Ways) -> Next:
    """The customer has rated the bot."""
    reason = why_hand_off(Turn(rating=score), ways.rules)
    if reason is None or not _may_hand_off(talked):
        return talked, ()
    return _hand_off(talked, reason, ways)


def refused(talked: Talked, reason: str, ways: Ways) -> Next:
    """No human can be had, for the queue's reason or a refusal's: say so, and take a message."""
    talked = msgspec.structs.replace(
        talked,
        waiting=False,
        told_place=False,
        leaving=True,
        refusal=reason,
        misses=0,
        clarified=False,
    )
    return _say(talked, Reply(text=ways.texts.get(_apology(reason), talked.lang)))


def placed(talked: Talked, position: int, ways: Ways) -> Next:
    """Tell the customer once where the line stands, and that the bot goes on."""
    if not talked.waiting or talked.told_place or position < 1:
        return talked, ()
    talked = msgspec.structs.replace(talked, told_place=True)
    name = "next_in_line" if position == 1 else "in_line"
    text = ways.texts.get(name, talked.lang).replace("{n}", str(position - 1))
    return _say(talked, Reply(text=text))


def recall(talked: Talked, reply: Reply, ways: Ways) -> Talked:
    """Return the state after one's own earlier message, read back from the journal."""
    talked = _noted(talked, "bot", reply.text)
    name = _name_of(reply.text, ways.texts)
    if name in _PASSING and not reply.buttons:
        return msgspec.structs.replace(
            talked, told_place=talked.told_place or name in ("in_line", "next_in_line")
        )
    labels = {ways.texts.get(n, lang) for n in ("human", "none_of_these") for lang in _BOTH}
    offered = tuple(Suggestion(topic="", question=b) for b in reply.buttons if b not in labels)
    missed = name == "fallback" or (name == "clarify" and talked.clarified)
    refusal = talked.refusal
    if name in _LEAVING and (not refusal or _apology(refusal) != name):
        refusal = name
    return msgspec.structs.replace(
        talked,
        offered=offered if name else (),
        misses=talked.misses + missed if name in ("fallback", "clarify") else 0,
        clarified=name == "clarify",
        leaving=name in _LEAVING or (talked.leaving and name != "message_taken"),
        refusal=refusal,
    )


def says_hand_off(text: str, ways: Ways) -> bool:
    """Tell whether this is what the bot says when it hands off."""
    return any(text == ways.texts.get(name, lang) for name in _HANDING for lang in _BOTH)


def pick(offered: Sequence[Suggestion], text: str) -> Suggestion | None:
    """Return the suggestion that a text picks: by number in any script, or by its very words."""
    plain = normalise(text)
    for one in offered:
        if plain == normalise(one.question):
            return one
    if plain.removeprefix("the ").removesuffix(" one") in _ORDINALS:
        number = _ORDINALS[plain.removeprefix("the ").removesuffix(" one")]
    elif (hit := _NUMBER.fullmatch(plain)) is not None:
        number = _DIGITS.get(hit[1], 0) or int(hit[1]) if not hit[1].isdigit() else int(hit[1])
    else:
        return None
    return offered[number - 1] if 1 <= number <= len(offered) else None


_HOT_N = 6
_BOTH: tuple[Lang, Lang] = ("zh", "en")
_PASSING = ("greeting", "thanks", "bye", "in_line", "next_in_line")
"""Texts after which everything is as it was."""
_LEAVING = ("nobody_on_duty", "queue_full", "blacklisted", "refused")
"""Apologies: what the bot says when nobody can be had."""
_NOBODY = ("closed", "leave_message")
"""Reasons of queues that come to nobody being on duty, for a customer."""


def _apology(reason: str) -> str:
    name = "nobody_on_duty" if reason in _NOBODY else reason
    return name if name in _LEAVING else "refused"


def _other(lang: Lang) -> tuple[Lang]:
    return ("en",) if lang == "zh" else ("zh",)


def _mixed(hot: Sequence[Suggestion]) -> list[Suggestion]:
    """Both languages in turn, for a customer who has said nothing yet."""
    sorted_by = [[one for one in hot if language_of(one.question, "zh") == lang] for lang in _BOTH]
    longest = max(len(part) for part in sorted_by)
    return [part[n] for n in range(longest) for part in sorted_by if n < len(part)][:_HOT_N]


def _answer(talked: Talked, found: Found, ways: Ways) -> Next:
    talked = msgspec.structs.replace(
        _about(talked, [found.question]), misses=0, clarified=False, offered=()
    )
    if _is_for_people(found, ways) and _may_hand_off(talked):
        return _hand_off(talked, "intent", ways)
    acts: list[Act] = []
    for answer in found.answers:
        talked, said = _say(talked, reply_of(answer))
        acts += said
    if found.related:
        title = ways.texts.get("related", talked.lang)
        related = in_language(found.related, talked.lang)
        talked, said = _say(*_card(talked, title, related, ways))
        acts += said
    return talked, tuple(acts)


def _is_for_people(found: Found, ways: Ways) -> bool:
    return why_hand_off(Turn(topic=found.topic), ways.rules) == "intent"


def reply_of(answer: object) -> Reply:
    """Return an answer of the base as a message."""
    return msgspec.convert(
        {name: getattr(answer, name) for name in ("kind", "text", "title", "url", "buttons")}, Reply
    )


def _missed(talked: Talked, ways: Ways) -> Next:
    talked = msgspec.structs.replace(talked, misses=talked.misses + 1, clarified=False, offered=())
    reason = why_hand_off(Turn(misses=talked.misses), ways.rules)
    if reason is not None and _may_hand_off(talked):
        return _hand_off(talked, reason, ways)
    return _say(*_card(talked, ways.texts.get("fallback", talked.lang), (), ways))


def _wants_human(talked: Talked, reason: Reason, ways: Ways) -> Next:
    """Asked while in line already: the bot is not repeated, the line is."""
    if talked.waiting:
        return _say(talked, Reply(text=ways.texts.get("handing_off", talked.lang)))
    return _hand_off(talked, reason, ways)


def _may_hand_off(talked: Talked) -> bool:
    """Not while one is under way, nor of the bot's own accord after nobody could be had."""
    return not talked.waiting and not talked.leaving


def _hand_off(talked: Talked, reason: Reason, ways: Ways) -> Next:
    names = {"mood": "sorry", "abuse": "sorry", "low_rating": "sorry", "attachment": "seen"}
    name = "bot_failed" if reason == "bot_failed" else names.get(reason, "handing_off")
    get = ways.texts.get
    lines = [
        (get("bot" if who == "bot" else "customer", talked.lang), t) for who, t in talked.lines
    ]
    note = summarise(reason, get(f"why.{reason}", talked.lang), lines, talked.topics)
    stay = ways.rules.keep_helping
    talked, said = _say(talked, Reply(text=get(name, talked.lang)))
    talked = msgspec.structs.replace(
        talked, misses=0, clarified=False, waiting=True, leaving=False, told_place=False
    )
    return talked, (*said, HandOff(reason, note, stay))


def _take_message(talked: Talked, ways: Ways) -> Next:
    text = talked.lines[-1][1] if talked.lines else ""
    talked = msgspec.structs.replace(talked, leaving=False, misses=0)
    talked, said = _say(talked, Reply(text=ways.texts.get("message_taken", talked.lang)))
    note = f"{ways.texts.get('message', talked.lang)}: {text}"
    return talked, (TakeMessage(note, text, talked.refusal), *said)


def _card(
    talked: Talked,
    text: str,
    offered: Sequence[Suggestion],
    ways: Ways,
    *,
    none_of_these: bool = False,
) -> tuple[Talked, Reply]:
    """A card with a numbered choice, and always a button for a person."""
    last = [ways.texts.get("none_of_these", talked.lang)] if none_of_these else []
    last.append(ways.texts.get("human", talked.lang))
    shown = tuple(offered[: BUTTONS_N - len(last)])
    buttons = (*(one.question[:500] for one in shown), *last)
    talked = msgspec.structs.replace(talked, offered=shown)
    return talked, Reply(kind="card", text=text, buttons=buttons)


def _say(talked: Talked, reply: Reply) -> Next:
    said = reply.text or reply.title or reply.url
    return _noted(talked, "bot", said), (Say(reply),)


def _noted(talked: Talked, who: str, text: str) -> Talked:
    return msgspec.structs.replace(talked, lines=(*talked.lines, (who, text))[-LINES_N:])


def _about(talked: Talked, questions: Sequence[str]) -> Talked:
    known = dict.fromkeys((*talked.topics, *(q for q in questions if q)))
    return msgspec.structs.replace(talked, topics=tuple(known)[-TOPICS_N:])


def _name_of(text: str, texts: Texts) -> str:
    """Return the name of the text of ours that this begins with; '' for an answer."""
    for name in TEXTS:
        for lang in _BOTH:
            own = re.escape(texts.get(name, lang)).replace(r"\{n\}", r"\d+")
            if re.match(own, text):
                return name
    return ""
