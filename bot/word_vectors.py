"""The word vectors that Raydesk comes with: what words mean to each other, whatever a base says.

WordLlama's: the token embeddings of large language models, trained once more so that the mean of a
text's tokens tells its meaning, and most of it the first numbers of it. A text is cut into its
words, a word once into tokens. Only two files of the package are read; its own program, which can
also download, is not imported.

Source: https://github.com/dleemiller/WordLlama; pooling after Mikolov et al. (2013).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
import tokenizers

from bot.encoder import EncoderError, of_length_1
from bot.features import F32
from bot.kernels import multiply

TABLE, TENSOR = "weights/l2_supercat_256.safetensors", "embedding.weight"
TOKENIZER = "tokenizers/l2_supercat_tokenizer_config.json"
WIDTH = 64
"""Numbers of each vector that are kept, the first ones: all 256 find no more and cost more."""
MAX_TOKENS = 128
"""Of one text; the rest of a longer one is not read."""
MEMO_WORDS, MEMO_CHARS = 50_000, 40
"""Words whose tokens are remembered, and how long they may be."""


class WordVectors:
    """Implements `bot.encoder.Encoder`; made by `word_vectors`. `table`: tokens x width."""

    def __init__(self, folder: Path, identity: str, table: F32, cutter: Any) -> None:
        self.folder = folder
        self.identity = identity
        self.width = WIDTH
        self._table = table
        self._cutter = cutter
        self._remembered: Callable[[str], list[int]] = lru_cache(MEMO_WORDS)(self._cut)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as what the files held."""
        return _reopened, (self.identity,)

    def embed(self, texts: Sequence[str]) -> F32:
        """Return texts x width: the mean of each text's tokens, of length 1; 0 without any."""
        each = [self._tokens(text) for text in texts]
        starts = np.cumsum([0, *map(len, each)], dtype=np.int64)
        tokens = np.fromiter(chain.from_iterable(each), np.int32, starts[-1])
        rows = np.zeros((len(texts), self.width), np.float32)
        multiply(starts, tokens, np.ones(len(tokens), np.float32), self._table, rows)
        return of_length_1(rows)

    def _tokens(self, text: str) -> list[int]:
        tokens: list[int] = []
        for word in text.split():
            tokens += self._remembered(word) if len(word) <= MEMO_CHARS else self._cut(word)
            if len(tokens) >= MAX_TOKENS:
                break
        return tokens[:MAX_TOKENS]

    def _cut(self, word: str) -> list[int]:
        ids: list[int] = self._cutter.encode(word, add_special_tokens=False).ids
        return ids


@cache
def word_vectors() -> WordVectors:
    """Return the word vectors of this process; read once, in a tenth of a second.

    Raises:
        EncoderError: the package is not installed, or holds something else.
    """
    found = find_spec("wordllama")
    if found is None or not found.submodule_search_locations:
        raise EncoderError(
            "the word vectors are not installed: python -m pip install -r requirements.txt"
        )
    folder = Path(found.submodule_search_locations[0])
    try:
        weights, text = (folder / TABLE).read_bytes(), (folder / TOKENIZER).read_bytes()
        table = safetensors.numpy.load(weights)[TENSOR][:, :WIDTH].astype(np.float32, order="C")
        cutter = tokenizers.Tokenizer.from_str(text.decode())
    except Exception as error:  # both libraries raise many kinds
        raise EncoderError(
            f"{folder} holds no files of the wordllama that requirements.txt names: {error}"
        ) from error
    identity = hashlib.sha256(hashlib.sha256(weights).digest() + text).hexdigest()[:32]
    return WordVectors(folder, identity, table, cutter)


def _reopened(identity: str) -> WordVectors:
    here = word_vectors()
    if here.identity != identity:
        raise EncoderError(f"{here.folder}: holds {here.identity}. Expected is {identity}")
    return here
