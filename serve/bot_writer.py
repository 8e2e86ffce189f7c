"""What a bot needs of a language model, when an operator has named one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from bot.acts import Ground
from bot.decisions import Suggestion
from bot.texts import Lang


class Written(msgspec.Struct, frozen=True):
    """A text of which every sentence was checked against the topics that it names."""

    text: str
    sources: tuple[Suggestion, ...]


class Writer(Protocol):
    """Writes answers from what the base says, and from nothing else."""

    async def write(
        self,
        org: str,
        question: str,
        grounds: Sequence[Ground],
        lang: Lang,
        show: Callable[[str], None],
    ) -> Written | None:
        """Return a checked answer, None: there is none, for whatever reason. Never raises but for
        cancellation.

        Args:
            show: told the checked part so far, while more is being written.
        """
        ...
