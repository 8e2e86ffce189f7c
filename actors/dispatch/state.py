"""What a dispatch knows and has to say: shared by the parts of its machine."""

from __future__ import annotations

from actors.addresses import Address, Kind
from actors.config import OrgConfig
from actors.dispatch.ledger import Ledger
from actors.dispatch.quotas import Quotas
from actors.dispatch.staff import Staff
from actors.dispatch.staffing import Staffing
from actors.dispatch.waiting import WaitingRoom
from actors.effects import Effect, Tell
from actors.messages import Command
from actors.recent import Recent

HELD_N = 10_000
OVER_N = 50_000
ENDED_N = 20_000


class State:
    """Hard: the ledger. Soft: everything else (`machine` says how it comes back)."""

    def __init__(self, address: Address, config: OrgConfig) -> None:
        self.address = address
        self.org = config
        self.ledger = Ledger()
        self.quotas = Quotas(config)
        self.staff = Staff(config, self.ledger, self.quotas)
        self.room = WaitingRoom(config, self.staff)
        self.staffing = Staffing()
        self.over: Recent[str, int] = Recent(OVER_N)
        """Session -> its latest episode that is over here."""
        self.ended: Recent[str, str] = Recent(ENDED_N)
        """Offer -> outcome."""
        self.held: Recent[str, tuple[int, str]] = Recent(HELD_N)
        """Session -> its latest episode whose holding back is in the log, and that decision."""
        self.changed = False
        """Somebody might be served who could not be before: rounds must run."""
        self.staff_changed = False
        self.trigger = ""
        """The first command since the last round that changed the centre."""
        self.now = 0.0
        self.out: list[Effect] = []

    def change(self, trigger: str) -> None:
        """Have rounds run at the end of this turn."""
        self.changed = True
        self.trigger = self.trigger or trigger

    def close(self, session: str, episode: int) -> None:
        """Remember that the episode, and those before it, are over."""
        self.over.set(session, max(episode, self.over.get(session) or 0))

    def is_over(self, session: str, episode: int) -> bool:
        """Tell whether the episode is over, or held by an agent already."""
        over = self.over.get(session)
        return (over is not None and over >= episode) or (
            self.ledger.held_episode(session) >= episode
        )

    def tell(self, kind: Kind, entity: str, command: Command) -> None:
        """Tell an actor of this organisation."""
        self.out.append(Tell(Address(kind, self.address.org, entity), command))

    def take_out(self) -> list[Effect]:
        """Return the effects so far, and forget them."""
        out, self.out = self.out, []
        return out
