"""Why the directory refuses a change: a stable code and a sentence."""

from __future__ import annotations

from typing import Literal

from infra.directory.declared import DeclarationError

RefusalCode = Literal[
    "not_found",
    "exists",
    "name_taken",
    "site_key_taken",
    "in_use",
    "cycle",
    "last_administrator",
    "not_held",
    "stale",
    "unknown_reference",
    "unusable_policy",
    "idempotency_key_reused",
]


class RefusedError(DeclarationError):
    """The change cannot be made; nothing was changed."""

    def __init__(self, code: RefusalCode, detail: str) -> None:
        super().__init__(detail)
        self.code: RefusalCode = code


def no_organisation(org: str) -> RefusedError:
    """Return the refusal for an organisation that is not there."""
    return RefusedError("not_found", f"there is no organisation {org!r}")


def no_row(name: str, key: str) -> RefusedError:
    """Return the refusal for a row that is not there."""
    return RefusedError("not_found", f"{name}: there is no {key!r}")
