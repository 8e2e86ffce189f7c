"""The assignment models' process: follows what is promoted, swaps in whole, refuses the broken."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec
import pytest

from actors.scoring import ModelUnavailableError, Question, ScoreAnswer, ScoreRequest
from infra.objects import LocalObjects
from policies.learned.model import Model
from policies.learned.registry import Folder, Registry, pointer_key
from policies.learned.training import train
from serve.assignment import AssignmentModels
from tests.unit.policies_learned.learned_support import CHANCES, agent, contact, samples

NOW = 1_800_000_000.0
PEOPLE = [agent(name, idle_since=NOW - 60) for name in CHANCES]


@cache
def trained(seed: int, name: str = "assignment") -> Model:
    """Return a small model; the same for all tests."""
    return train(samples(300, seed), name=name, created_at=NOW)


def promoted(folder: Path, model: Model) -> None:
    """Keep a model and make it live."""
    registry = Registry(Folder(folder))
    registry.save(model)
    registry.promote(model.card.name, model.card.version, NOW)


def request(org: str = "acme", contacts: int = 2) -> ScoreRequest:
    """Return a question about some contacts."""
    questions = [Question(contact(n, at=NOW - n), PEOPLE) for n in range(contacts)]
    return ScoreRequest(id="1", org=org, now=NOW, questions=questions)


async def test_what_is_promoted_answers_and_is_swapped_for_the_next(tmp_path: Path) -> None:
    models = AssignmentModels(LocalObjects(tmp_path))
    await models.refresh()
    with pytest.raises(ModelUnavailableError, match="no model is promoted for acme"):
        models.score(request())

    promoted(tmp_path, trained(1))
    await models.refresh()
    first = models.score(request())
    promoted(tmp_path, trained(2))
    await models.refresh()
    second = models.score(request())

    assert set(first.scores) == {"c0", "c1"}
    assert set(first.scores["c0"].agents) == set(CHANCES)
    assert first.scores["c0"].model == trained(1).version
    assert second.scores["c0"].model == trained(2).version


async def test_an_organisation_may_have_a_model_of_its_own(tmp_path: Path) -> None:
    promoted(tmp_path, trained(1))
    promoted(tmp_path, trained(2, "acme"))
    models = AssignmentModels(LocalObjects(tmp_path))
    await models.refresh()

    assert models.score(request("acme")).scores["c0"].model.startswith("acme:")
    assert models.score(request("other")).scores["c0"].model.startswith("assignment:")
    assert models.versions().keys() == {"acme", "assignment"}


async def test_a_broken_model_is_refused_and_the_old_one_goes_on(tmp_path: Path) -> None:
    promoted(tmp_path, trained(1))
    models = AssignmentModels(LocalObjects(tmp_path))
    await models.refresh()

    pointer = Folder(tmp_path)
    for broken in (b'{"version": "0123456789ab"}', b'{"version": "../x"}', b"{", b"[]"):
        pointer.put(pointer_key("assignment"), broken)
        await models.refresh()
        assert models.score(request()).scores["c0"].model == trained(1).version

    (tmp_path / "models/assignment/aaaaaaaaaaaa.json").write_bytes(b"not a model")
    pointer.put(pointer_key("assignment"), b'{"version": "aaaaaaaaaaaa"}')
    await models.refresh()
    assert models.versions() == {"assignment": trained(1).card.version}


async def test_questions_and_answers_travel_as_bytes(tmp_path: Path) -> None:
    promoted(tmp_path, trained(1))
    models = AssignmentModels(LocalObjects(tmp_path))
    await models.refresh()

    data = await models.answer(msgspec.msgpack.encode(request()))

    answer = msgspec.msgpack.decode(data, type=ScoreAnswer)
    assert answer == models.score(request())
    solved = {name: row[1] for name, row in answer.scores["c0"].agents.items()}
    assert solved["good"] > solved["weak"]
