"""A policy named by a file: one's own (`my_policy.py:MyPolicy`), or a trained model's."""

from __future__ import annotations

from pathlib import Path

from policies.learned_policy import Learned
from policies.own_class import is_own, own_class
from policies.view import Policy

_AT = f"{Learned.name}@"


def load_own(where: str) -> Policy:
    """Return a fresh policy of the class that `FILE.py:CLASS` names.

    Raises:
        ValueError: there is no such file or class, or it is no policy; the text says which.
    """
    policy: Policy = own_class(where)()
    return policy


def is_model(name: str) -> bool:
    """Tell whether a policy is named by the store of its model, `learned@STORE`."""
    return name.startswith(_AT)


def named_policy(name: str) -> str | Policy:
    """Return the policy that a command line means: a name, FILE.py:CLASS, or learned@FOLDER.

    Raises:
        ValueError: there is no such file, class or model.
    """
    if is_model(name):
        return _learned(Path(name.removeprefix(_AT)))
    return load_own(name) if is_own(name) else name


def _learned(store: Path) -> Policy:
    """Return the policy `learned` with the model that is live in a folder."""
    from policies.learned.registry import Folder, Registry  # noqa: PLC0415 - LightGBM loads slowly
    from policies.learned.scoring import InProcess  # noqa: PLC0415 - as above

    models = Registry(Folder(store))
    live = models.promoted("assignment")
    if live is None:
        raise ValueError(f"policy: {store}: no model is promoted; see `python -m policies models`")
    return Learned(InProcess(models.load("assignment", live.version)))
