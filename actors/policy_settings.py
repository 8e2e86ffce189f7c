"""A queue's policy as it is saved: is there such a policy, and can it use these parameters?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from policies import registry


def check_policy(name: str, params: Mapping[str, Any]) -> None:
    """Do nothing if a queue may be saved with this policy and these parameters.

    A name that this process does not know is let be: a policy of one's own is known where dispatch
    runs, and dispatch falls back, loudly, from a policy that it cannot make.

    Raises:
        ValueError: names the field and what is allowed.
    """
    try:
        registry.check(name, params)
    except LookupError:
        return
    except ValueError as error:
        raise ValueError(f"policy_params: {error}") from None
