"""Models by name and version: kept, listed, promoted, rolled back."""

from __future__ import annotations

from pathlib import Path

import pytest

from policies.__main__ import main
from policies.learned.model import ModelError
from policies.learned.registry import Folder, Registry, pointer_key
from policies.learned.training import train
from tests.unit.policies_learned.learned_support import samples


def test_a_model_is_kept_listed_promoted_and_rolled_back(tmp_path: Path) -> None:
    registry = Registry(Folder(tmp_path))
    one, two = (train(samples(250, seed), created_at=0.0) for seed in (1, 2))
    for model in (one, two, one):
        registry.save(model)

    assert registry.versions("assignment") == sorted([one.card.version, two.card.version])
    assert registry.promoted("assignment") is None
    registry.promote("assignment", one.card.version, 1.0)
    registry.promote("assignment", two.card.version, 2.0)
    live = registry.promoted("assignment")
    assert live is not None
    assert (live.version, live.before) == (two.card.version, one.card.version)
    assert registry.roll_back("assignment", 3.0).version == one.card.version
    assert registry.load("assignment", one.card.version).card == one.card


def test_what_is_not_there_or_broken_is_never_promoted(tmp_path: Path) -> None:
    registry = Registry(Folder(tmp_path))
    version = registry_with_one(registry)

    with pytest.raises(ModelError, match=f"no '0123456789ab' of assignment; allowed: {version}"):
        registry.promote("assignment", "0123456789ab", 0.0)
    with pytest.raises(ModelError, match="nothing to roll back to"):
        registry.roll_back("assignment", 0.0)
    with pytest.raises(ModelError, match="12 hexadecimal digits"):
        registry.load("assignment", "../../secrets")
    with pytest.raises(ModelError, match="name: "):
        registry.load("../x", version)
    (tmp_path / "models/assignment" / f"{version}.json").write_bytes(b"{}")
    with pytest.raises(ModelError, match="format: None"):
        registry.promote("assignment", version, 0.0)
    Folder(tmp_path).put(pointer_key("assignment"), b'{"version": 3}')
    with pytest.raises(ModelError, match=r"promoted\.json"):
        registry.promoted("assignment")


def registry_with_one(registry: Registry) -> str:
    """Keep a model; return its version."""
    model = train(samples(250), created_at=0.0)
    registry.save(model)
    return model.card.version


def test_train_from_a_scenario_then_compare_the_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    centre = tmp_path / "c.yaml"
    centre.write_text(
        "length: '02:00'\ntypes: {help: {arrivals: {per_hour: 300}, handle: {mean_s: 60}}}\n"
        "groups:\n  a: {agents: 5, skills: {help: 1}, solve: {help: 0.9}}\n"
        "  b: {agents: 5, skills: {help: 1}, solve: {help: 0.2}}\n"
    )
    store, card, plot = tmp_path / "store", tmp_path / "card.json", tmp_path / "c.png"

    trained = ["train", str(centre), "--store", str(store), "--promote"]
    assert main([*trained, "--json", str(card), "--plot", str(plot)]) == 0
    assert "auc" in card.read_text()
    assert plot.stat().st_size > 10_000
    assert main(["models", str(store)]) == 0
    assert '"live": true' in capsys.readouterr().out
    policies = ["--policy", "longest_idle", "--policy", f"learned@{store}"]
    assert main(["compare", str(centre), *policies, "--replications", "2"]) == 0
    told = capsys.readouterr().out
    assert "learned" in told
    assert main(["models", str(store), "--roll-back"]) == 2
