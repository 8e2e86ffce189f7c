"""Switchback designs: the whole centre changes between two policies, block by block.

Contacts compete for the same agents, so a test that splits contacts measures how one half robs the
other. A switchback gives all of a block of time to one policy, throws away the first minutes of
each block (`burn_in_s`: work begun under the other policy), and compares blocks that are alike.

Source: Bojinov, Simchi-Levi and Zhao, "Design and analysis of switchback experiments", Management
Science 69 (2023); pairs of like blocks: Imai, King and Nall, Statistical Science 24 (2009).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import blake2b
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from policies.arrays import Floats, Ints

Days = Literal["weekday", "weekend", "any"]
DAY_S = 86_400.0
BLOCKS_N = 20_000
"""Most blocks of a design: two years of hours. All are drawn at once, while contacts wait."""


class DesignError(ValueError):
    """A design that cannot be run. The text names the field and what is allowed."""


@dataclass(frozen=True)
class Design:
    """Which policy rules when. Nothing but these fields decides: the same design gives the same
    arms on every machine, and a later `end` leaves earlier blocks as they were.

    Blocks of one stratum (time of day, kind of day) are paired in order of time; of each pair a
    coin gives one block to arm 1.
    """

    start: float
    """Seconds since 1970, or since the start of a simulation; blocks begin here."""
    end: float
    block_s: float
    burn_in_s: float = 0.0
    seed: int = 0
    days: Days = "weekend"
    """`weekday`: Mondays with Mondays; `weekend`: working days with such; `any`: all days alike."""
    hours: bool = True
    """Pair only blocks of the same time of day."""
    zone: str = "UTC"

    def __post_init__(self) -> None:
        if not self.block_s > 0:
            raise DesignError(f"block_s: {self.block_s}; allowed: above 0")
        if not 0 <= self.burn_in_s < self.block_s:
            raise DesignError(
                f"burn_in_s: {self.burn_in_s}; allowed: 0 to less than block_s, {self.block_s}"
            )
        if self.hours and DAY_S % self.block_s:
            raise DesignError(
                f"block_s: {self.block_s}; allowed with hours: what divides a day, {DAY_S:.0f}"
            )
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise DesignError(
                f"zone: {self.zone!r}; allowed: a name such as Asia/Shanghai"
            ) from error
        if not 2 <= self.blocks_n <= BLOCKS_N:
            raise DesignError(
                f"end: {self.end}; allowed: 2 to {BLOCKS_N} blocks after the start, "
                f"not {self.blocks_n}"
            )

    @property
    def blocks_n(self) -> int:
        """Return how many whole blocks there are."""
        return max(0, int((self.end - self.start) // self.block_s))

    @cached_property
    def pair(self) -> Ints:
        """Return (B,) the pair of each block; -1: it has no partner."""
        return self._drawn[0]

    @cached_property
    def arm(self) -> Ints:
        """Return (B,) the arm of each block, 0 or 1."""
        return self._drawn[1]

    @cached_property
    def _drawn(self) -> tuple[Ints, Ints]:
        pair = np.full(self.blocks_n, -1, dtype=np.int64)
        arm = np.zeros(self.blocks_n, dtype=np.int64)
        waiting: dict[tuple[int, int], tuple[int, int]] = {}
        met: dict[tuple[int, int], int] = {}
        pairs_n = 0
        for block in range(self.blocks_n):
            stratum = self._stratum(block)
            if stratum not in waiting:
                number = met.get(stratum, 0)
                met[stratum] = number + 1
                arm[block] = self._coin(stratum, number)
                waiting[stratum] = (block, number)
                continue
            first, _ = waiting.pop(stratum)
            pair[[first, block]], arm[block] = pairs_n, 1 - arm[first]
            pairs_n += 1
        return pair, arm

    def _stratum(self, block: int) -> tuple[int, int]:
        begins = self.start + block * self.block_s
        at = datetime.fromtimestamp(begins, ZoneInfo(self.zone))
        weekday = at.weekday()
        day = {"weekday": weekday, "weekend": int(weekday >= 5), "any": 0}[self.days]
        clock = at.hour * 3600 + at.minute * 60 + at.second
        return day, int(clock // self.block_s) if self.hours else 0

    def _coin(self, stratum: tuple[int, int], number: int) -> int:
        text = f"{self.seed}|{stratum[0]}|{stratum[1]}|{number}"
        return blake2b(text.encode(), digest_size=1).digest()[0] & 1

    def block_at(self, at: float) -> int:
        """Return the block of an instant; -1 before the first and after the last."""
        block = int((at - self.start) // self.block_s)
        return block if 0 <= block < self.blocks_n else -1

    def arm_at(self, at: float) -> int:
        """Return the arm that rules at an instant; 0 outside the experiment."""
        block = self.block_at(at)
        return int(self.arm[block]) if block >= 0 else 0

    def blocks_of(self, at: Floats) -> Ints:
        """Return the block of each instant that counts; -1 outside and in burn-in."""
        block = np.floor((at - self.start) / self.block_s).astype(np.int64)
        since = at - self.start - block * self.block_s
        counted = (block >= 0) & (block < self.blocks_n) & (since >= self.burn_in_s)
        return np.where(counted, block, -1)
