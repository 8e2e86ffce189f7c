"""When a role means something else, whoever bears it starts anew; the rest stay."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from actors.config import AgentConfig, OrgConfig, QueueConfig, RoleConfig
from serve.identity import BadTokenError, Identity
from serve.oauth.guard import Fits, Guard
from serve.signing_keys import make_key
from serve.tokens import Tokens

NOW = 1_800_000_000.0
COACH = RoleConfig(id="coach", name="Coach", permissions=["socket:open"])
CONFIG = OrgConfig(
    org="acme",
    version=1,
    entry_queue="q",
    queues={"q": QueueConfig(id="q", name="Q")},
    agents={
        "cora": AgentConfig(id="cora", name="Cora", role="coach"),
        "lea": AgentConfig(id="lea", name="Lea", role="leader", groups=["north"]),
        "ann": AgentConfig(id="ann", name="Ann", groups=["north"]),
    },
    roles={"coach": COACH},
)
ROLES = {"cora": "coach", "lea": "leader", "ann": "agent"}


class Sockets:
    """One open socket of everybody."""

    def __init__(self) -> None:
        self.open = {
            key: Identity(org="acme", subject=key, role=role) for key, role in ROLES.items()
        }

    def end_person(self, org: str, subject: str, fits: Fits) -> None: ...

    def end_staff(self, org: str, fits: Fits) -> None:
        self.open = {key: who for key, who in self.open.items() if not fits(who)}


def changed(**fields: Any) -> OrgConfig:
    return msgspec.structs.replace(CONFIG, version=2, **fields)


def agents(key: str, **fields: Any) -> dict[str, Any]:
    agent = msgspec.structs.replace(CONFIG.agents[key], **fields)
    return {"agents": {**CONFIG.agents, key: agent}}


@pytest.mark.parametrize(
    ("new", "ended"),
    [
        (changed(), set()),
        (changed(roles={"coach": msgspec.structs.replace(COACH, name="Trainer")}), set()),
        (changed(roles={"coach": msgspec.structs.replace(COACH, permissions=[])}), {"cora"}),
        (changed(roles={"coach": msgspec.structs.replace(COACH, groups_only=True)}), {"cora"}),
        (changed(**agents("lea", groups=["south"])), {"lea"}),
        (changed(**agents("ann", groups=["south"])), set()),
        (changed(**agents("ann", role="viewer")), {"ann"}),
        (changed(agents={}), {"cora", "lea", "ann"}),
    ],
)
def test_whose_rights_changed_connects_again(new: OrgConfig, ended: set[str]) -> None:
    sockets, guard = Sockets(), Guard(Tokens([make_key()]))
    guard.watch_over(sockets)
    guard.configured(CONFIG)
    assert set(sockets.open) == set(ROLES)
    guard.configured(new)
    assert set(ROLES) - set(sockets.open) == ended


def test_a_sign_in_of_an_account_that_is_gone_opens_nothing() -> None:
    tokens = Tokens([make_key()])
    guard = Guard(tokens)
    guard.configured(CONFIG)
    who = Identity(org="acme", subject="gone", role="admin", family="f1")
    with pytest.raises(BadTokenError, match="does not exist"):
        guard.verify(tokens.issue_access(who, NOW), NOW)
    client = Identity(org="acme", subject="client:crm", role="integration")
    assert guard.verify(tokens.issue_access(client, NOW), NOW).role == "integration"


def test_the_settings_role_counts_not_the_tokens() -> None:
    tokens = Tokens([make_key()])
    guard = Guard(tokens)
    guard.configured(CONFIG)
    who = Identity(org="acme", subject="ann", role="admin")
    assert guard.verify(tokens.issue_access(who, NOW), NOW).role == "agent"
