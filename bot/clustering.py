"""Put questions that are alike together: for the inbox of what the bot could not answer.

Character n-grams weighted by TF-IDF, cosine similarity, and leaders: the question that most others
resemble leads a cluster of all that are near enough to it, then the next one of what is left. So no
chain of small steps joins what is not alike, and the result depends on nothing but the texts.

Source: leader clustering of Hartigan (1975), with the densest leader first.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import sparse  # type: ignore[import-untyped]  # scipy ships no types
from sklearn.feature_extraction.text import TfidfVectorizer  # type: ignore[import-untyped]

from bot.normalise import match_key, normalise

MAX_TEXTS = 10_000
ALIKE = 0.42
"""Cosine from which two questions count as alike; measured in docs/knowledge.md."""
NGRAMS = (2, 4)
ROWS = 512
"""Rows of the similarity matrix that are in memory at once."""


class Cluster(msgspec.Struct, frozen=True, kw_only=True):
    """Questions that are alike: the places of the texts, the leader first."""

    members: list[int]


def cluster(texts: Sequence[str], alike: float = ALIKE) -> list[Cluster]:
    """Return every text in exactly one cluster, the largest first.

    Args:
        texts: at most `MAX_TEXTS`; what says nothing shares one cluster at most.

    Raises:
        ValueError: more texts.
    """
    if len(texts) > MAX_TEXTS:
        raise ValueError(f"at most {MAX_TEXTS} texts")
    same: dict[str, list[int]] = {}
    for place, text in enumerate(texts):
        same.setdefault(match_key(normalise(text)), []).append(place)
    keys = list(same)
    groups = _lead(keys, np.array([len(same[key]) for key in keys], np.float64), alike)
    found = [Cluster(members=[m for k in group for m in same[keys[k]]]) for group in groups]
    return sorted(found, key=lambda one: (-len(one.members), one.members[0]))


def _lead(keys: list[str], weights: NDArray[np.float64], alike: float) -> list[list[int]]:
    if not any(keys):
        return [list(range(len(keys)))] if keys else []
    near = _neighbours(keys, alike)
    density = near @ weights
    left = np.ones(len(keys), bool)
    groups: list[list[int]] = []
    # Densest first; of equals the first text.
    for leader in np.lexsort((np.arange(len(keys)), -density)):
        if not left[leader]:
            continue
        around = near.indices[near.indptr[leader] : near.indptr[leader + 1]]
        members = [int(place) for place in np.sort(around) if left[place] and place != leader]
        group = [int(leader), *members]
        left[group] = False
        groups.append(group)
    return groups


def _neighbours(keys: list[str], alike: float) -> sparse.csr_matrix:
    """Return which keys are alike, as a matrix of ones."""
    weighing = TfidfVectorizer(
        analyzer="char_wb", ngram_range=NGRAMS, sublinear_tf=True, dtype=np.float32, lowercase=False
    )
    try:
        rows = weighing.fit_transform(keys)
    except ValueError:  # no n-gram anywhere
        return sparse.identity(len(keys), format="csr")
    columns = rows.T.tocsr()
    parts = []
    for start in range(0, len(keys), ROWS):
        part = (rows[start : start + ROWS] @ columns).tocsr()
        part.data = (part.data >= alike).astype(np.float64)
        part.eliminate_zeros()
        parts.append(part)
    return sparse.vstack(parts, format="csr")
