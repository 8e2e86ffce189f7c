"""A queue's policy as it is saved: is there such a policy, and can it use these parameters?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from actors.dispatch.guarded import file_of
from policies import registry
from policies.own_class import is_own, names_in


def check_policy(name: str, params: Mapping[str, Any]) -> None:
    """Do nothing if a queue may be saved with this policy and these parameters.

    A policy of one's own is looked for in the operator's folder, and its class in the file's text:
    nothing of it runs here. What its parameters may be, only itself knows.

    Raises:
        ValueError: names the field and what is allowed.
    """
    if is_own(name):
        _check_own(name)
        return
    try:
        registry.check(name, params)
    except LookupError:
        known = f"one of {registry.names()}, or FILE.py:CLASS of RAYDESK_POLICIES_DIR"
        raise ValueError(f"policy: {known}; given: {name!r}") from None
    except RecursionError:
        raise ValueError("policy_params: policies within policies, too deep") from None
    except ValueError as error:
        raise ValueError(f"policy_params: {error}") from None


def _check_own(name: str) -> None:
    try:
        known = names_in(file_of(name))
    except (LookupError, ValueError) as error:
        raise ValueError(f"policy: {error}; given: {name!r}") from None
    if name.partition(":")[2] not in known:
        raise ValueError(f"policy: a class that the file has, of {known}; given: {name!r}")
