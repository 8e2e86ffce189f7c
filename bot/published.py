"""What is live: the versions of an organisation's knowledge bases that answer now.

Whoever answers asks `KnowledgeSource`, which has everything in memory, and listens for news.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

import msgspec

from bot.knowledge import Version

Stage = Literal["shadow", "tenth"]


class BaseSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How one base answers. None: as calibrated. Probabilities are of being right."""

    answer_at: float | None = None
    clarify_at: float | None = None
    target_precision: float = 0.95
    suggestions: int = 5
    related: int = 3
    hot: int = 8
    bots: tuple[str, ...] = ()
    """The bot accounts that answer from this base; empty: all."""
    texts: dict[str, str] = {}
    """Wordings of the bot's own, such as `fallback.zh`."""
    handoff: dict[str, object] = {}
    """Fields of `bot.handoff.HandoffRules` that differ from the defaults."""
    keep_days: int = 180
    """How long outcomes of questions are kept."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A version on trial: in `shadow` it answers unseen, as a `tenth` it answers 10 % of the
    sessions."""

    version: Version
    stage: Stage


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """One base as it serves now. `generation` grows with every change of any of it."""

    org: str
    generation: int
    version: Version
    settings: BaseSettings = BaseSettings()
    candidate: Candidate | None = None


class KnowledgeSource(Protocol):
    """The live bases of every organisation, in memory: nothing here waits."""

    def serving(self, org: str) -> list[Published]:
        """Return everything live of an organisation, by the ids of the bases."""
        ...

    def listen(self, changed: Callable[[Published], None]) -> None:
        """Call `changed` with everything live now, and with every change."""
        ...
