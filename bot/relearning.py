"""Learn a version of a base from the one before, where few wordings changed: a fifth of the work.

Retrieval, the topics' centres and the margins of the topics whose wordings changed are made anew.
The networks, the other topics' margins and what the views are worth together stay: wordings that
were added mean nothing to the networks, and to the views that know them as much as ever. What
changed is counted from the last whole learning on, so that nothing drifts far from it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it ships no types

from bot.answering import Understanding
from bot.catalogue import Catalogue
from bot.intent import refit_intent
from bot.knowledge import Base
from bot.learning import Evidence
from bot.meaning import Meaning
from bot.model import Model, Views
from bot.retrieval import Bm25
from bot.sparse import Cut
from bot.thresholds import Judged

MOST_CHANGED = 0.02
"""Share of the wordings that may have changed since all were learned."""

I64 = NDArray[np.int64]


def relearned(
    before: Understanding, base: Base, *, version: int, seed: int = 0
) -> Understanding | None:
    """Return the base, learned from `before`; None: too much changed, learn it whole.

    Topics must be the same in the same order, and so must the strangers that reviewers named:
    what tells those apart is learned from all.
    """
    catalogue, old = Catalogue(base), before.catalogue
    if catalogue.places != old.places or base.strangers != old.base.strangers:
        return None
    texts, owners = catalogue.wordings()
    origin = _origins(old, texts, owners)
    added = np.flatnonzero(origin < 0)
    old_n = len(old.wordings()[0])
    gone_n = old_n - (len(texts) - len(added))
    changed_n = before.changed_n + len(added) + gone_n
    if changed_n > MOST_CHANGED * len(texts):
        return None
    with threadpool_limits(1):
        views = _views(before, texts, np.array(owners, np.int64), origin, seed)
    made = Understanding(
        catalogue,
        Model(views, before.model.combiner),
        before.thresholds,
        version=version,
        evidence=_kept(before.evidence, old_n, origin),
        changed_n=changed_n,
    )
    made.warm_up()
    return made


def _origins(old: Catalogue, texts: Sequence[str], owners: Sequence[int]) -> I64:
    """Return the place that each wording had before, -1 for a new one."""
    places = {one: at for at, one in enumerate(zip(*old.wordings(), strict=True))}
    found = (places.get(one, -1) for one in zip(texts, owners, strict=True))
    return np.fromiter(found, np.int64, len(texts))


def _views(
    before: Understanding, texts: Sequence[str], owners: I64, origin: I64, seed: int
) -> Views:
    old = before.model.views
    vocabulary, found = Cut.of(texts).taught(np.arange(len(texts)), owners)
    rows = found.summed()
    return Views(
        vocabulary,
        Bm25.build(rows, vocabulary, found.topics),
        refit_intent(
            old.intent,
            old.vocabulary.columns_of(vocabulary.names),
            found,
            rows,
            vocabulary,
            _changed_topics(before.catalogue, owners, origin),
            seed,
        ),
        _meaning(old.meaning, texts, owners, origin),
    )


def _changed_topics(old: Catalogue, owners: I64, origin: I64) -> I64:
    """Return the places of the topics that gained or lost a wording."""
    topics_n = len(old.topics)
    had = np.bincount(np.array(old.wordings()[1], np.int64), minlength=topics_n)
    kept = np.bincount(owners[origin >= 0], minlength=topics_n)
    have = np.bincount(owners, minlength=topics_n)
    return np.flatnonzero((kept != had) | (kept != have))


def _meaning(old: Meaning, texts: Sequence[str], owners: I64, origin: I64) -> Meaning:
    """Embed the new wordings only."""
    table = np.zeros((len(texts), old.table.shape[1]), np.float32)
    here, new = origin >= 0, np.flatnonzero(origin < 0)
    table[here] = old.table[origin[here]]
    if len(new):
        table[new] = old.encoder.embed([texts[at] for at in new.tolist()])
    return Meaning(old.encoder, table, owners.astype(np.int32))


def _kept(evidence: Evidence, old_n: int, origin: I64) -> Evidence:
    """Return the evidence about wordings that are still there, and about strangers."""
    place = np.full(old_n, -1, np.int64)
    here = origin >= 0
    place[origin[here]] = np.flatnonzero(here)
    strange = evidence.wording < 0
    wording = np.where(strange, -1, place[evidence.wording])
    still = strange | (wording >= 0)
    judged = evidence.judged
    return Evidence(
        Judged(
            confidence=judged.confidence[still],
            known=judged.known[still],
            right=judged.right[still],
            stranger=judged.stranger[still],
        ),
        wording[still],
    )
