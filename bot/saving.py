"""Keep a learned understanding as bytes, and read it back: arrays and JSON, never code.

The file is numpy's .npz (a zip archive of plain arrays) with a JSON header. Everything is checked
before it is used: compiled loops trust their indexes, so a crafted file must not get that far.
"""

from __future__ import annotations

import io
import zipfile
from typing import Any

import msgspec
import numpy as np

from bot.answering import Understanding
from bot.catalogue import Catalogue
from bot.combining import Combiner
from bot.decisions import Thresholds
from bot.encoder import Encoder, open_encoder
from bot.features import Vocabulary
from bot.intent import HIDDEN, Intent
from bot.knowledge import Base
from bot.learning import Evidence
from bot.meaning import Meaning
from bot.model import VIEWS, Model, Views
from bot.retrieval import Bm25
from bot.thresholds import Judged

FORMAT = "raydesk-understanding"
FORMAT_VERSION = 4
MAX_UNPACKED = 4 * 2**30
Arrays = dict[str, Any]


class ModelFileError(ValueError):
    """The bytes are no understanding that this program can use; the text says why."""


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    format: str
    format_version: int
    version: int = 0
    base: Base | None = None
    thresholds: Thresholds = Thresholds()
    combiner: Combiner = Combiner()
    names: list[str] = []
    changed_n: int = 0
    """Wordings that came or went since all were learned."""
    encoder: str = ""
    """Which one it was learned with."""


class _Kind(msgspec.Struct, frozen=True):
    format: str = ""
    format_version: int = 0


def dump(bot: Understanding) -> bytes:
    """Return the understanding as bytes that `load` reads back to one that decides the same."""
    vocabulary, bm25, intent, meaning = bot.model.views
    header = _Header(
        format=FORMAT,
        format_version=FORMAT_VERSION,
        version=bot.version,
        changed_n=bot.changed_n,
        base=bot.catalogue.base,
        thresholds=bot.thresholds,
        combiner=bot.model.combiner,
        names=list(vocabulary.names),
        encoder=meaning.encoder.identity,
    )
    arrays: Arrays = {
        "header": np.frombuffer(msgspec.json.encode(header), np.uint8),
        **{f"bm25.{name}": getattr(bm25, name) for name in _BM25},
        **{f"intent.{name}": getattr(intent, name) for name in _INTENT},
        **{f"judged.{name}": getattr(bot.evidence.judged, name) for name in _JUDGED},
        "wording": bot.evidence.wording,
        "meaning.table": meaning.table,
    }
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def load(data: bytes, encoder: Encoder | None = None) -> Understanding:
    """Return the understanding that `dump` made these bytes from.

    Args:
        encoder: the one that it was learned with; None: the word vectors.

    Raises:
        ModelFileError: other bytes, another version of the format, arrays that do not fit, or
            another encoder.
    """
    arrays = _arrays(data)
    header = _header(arrays)
    reads = encoder or open_encoder()
    _check_encoder(header.encoder, reads)
    if header.base is None:
        raise ModelFileError("the file holds no knowledge base")
    catalogue = Catalogue(header.base)
    texts, owners = catalogue.wordings()
    try:
        bm25 = Bm25(*(_array(arrays, f"bm25.{name}", kind) for name, kind in _BM25.items()))
        parts = {name: _array(arrays, f"intent.{name}", kind) for name, kind in _INTENT.items()}
        intent = Intent(**parts, topics_n=len(catalogue.topics))
        judged = Judged(**{n: _array(arrays, f"judged.{n}", k) for n, k in _JUDGED.items()})
        wording = _array(arrays, "wording", "i8")
        meaning = _meaning(arrays, reads, owners)
    except KeyError as error:
        raise ModelFileError(f"the file lacks {error}") from error
    _check(bm25, intent, header, owners)
    if any(len(part) != len(wording) for part in msgspec.structs.astuple(judged)):
        raise ModelFileError("the evidence does not fit together")
    if len(texts) and int(wording.max(initial=-1)) >= len(texts):
        raise ModelFileError("the evidence is about other wordings")
    views = Views(Vocabulary(header.names), bm25, intent, meaning)
    if len(header.combiner.weights) != len(VIEWS):
        raise ModelFileError("the weights do not fit the views")
    bot = Understanding(
        catalogue,
        Model(views, header.combiner),
        header.thresholds,
        version=header.version,
        evidence=Evidence(judged, wording),
        changed_n=header.changed_n,
    )
    bot.warm_up()
    return bot


_BM25 = {"first": "i8", "docs": "i4", "weights": "f4", "rarity": "f4", "owners": "i4"}
_INTENT = {
    "weights": "f4",
    "narrow": "f4",
    "table": "f4",
    "bias": "f4",
    "layers": "f4",
    "offsets": "f4",
    "outs": "f4",
    "out_offsets": "f4",
    "first": "i8",
    "owners": "i4",
    "shares": "f4",
}
_JUDGED = {"confidence": "f8", "known": "f8", "right": "b1", "stranger": "b1"}


def _arrays(data: bytes) -> Arrays:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(item.file_size for item in archive.infolist())
        small = unpacked <= MAX_UNPACKED
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            return {name: file[name] for name in file.files} if small else {}
    except Exception as error:  # zipfile, zlib and numpy raise many kinds on damaged bytes
        raise ModelFileError(f"not a model file: {error}") from error


def _header(arrays: Arrays) -> _Header:
    raw = arrays.get("header")
    try:
        text = b"" if raw is None else raw.astype(np.uint8).tobytes()
        kind = msgspec.json.decode(text, type=_Kind)
        if kind.format != FORMAT:
            raise ModelFileError("not a model file of this program")
        if kind.format_version != FORMAT_VERSION:
            raise ModelFileError(
                f"the model file has format {kind.format_version}, this program reads "
                f"{FORMAT_VERSION}: train it again with `python -m bot train`"
            )
        return msgspec.json.decode(text, type=_Header)
    except (msgspec.DecodeError, ValueError) as error:
        if isinstance(error, ModelFileError):
            raise
        raise ModelFileError(f"the header cannot be read: {error}") from error


def _array(arrays: Arrays, name: str, kind: str) -> Any:
    array = arrays[name]
    if array.dtype != np.dtype(kind):
        raise ModelFileError(f"{name} holds {array.dtype}, not {np.dtype(kind)}")
    return np.ascontiguousarray(array)


def _check_encoder(identity: str, encoder: Encoder) -> None:
    if identity != encoder.identity:
        raise ModelFileError(
            f"the model was learned with the encoder {identity}, and {encoder.folder} holds "
            f"{encoder.identity}: name the folder of the one that it was learned with (none, if "
            "with the word vectors), or train it again"
        )


def _meaning(arrays: Arrays, encoder: Encoder, owners: list[int]) -> Meaning:
    table = _array(arrays, "meaning.table", "f4")
    if table.shape != (len(owners), encoder.width):
        raise ModelFileError("the encoder's vectors do not fit the knowledge base")
    return Meaning(encoder, table, owners)


def _check(bm25: Bm25, intent: Intent, header: _Header, owners: list[int]) -> None:
    names_n, topics_n = len(header.names), intent.topics_n
    networks = len(intent.outs)
    fits = (
        np.array_equal(bm25.owners, np.array(owners, np.int32))
        and _postings_fit(bm25.first, bm25.docs, bm25.weights, (names_n, len(owners)))
        and _postings_fit(intent.first, intent.owners, intent.shares, (names_n, topics_n))
        and bm25.rarity.shape == intent.weights.shape == intent.narrow.shape == (names_n,)
        and intent.table.shape in {(0, topics_n), (names_n, topics_n)}
        and intent.bias.shape == (topics_n,)
        and intent.layers.shape == (networks, names_n, HIDDEN)
        and intent.offsets.shape == (networks, HIDDEN)
        and intent.outs.shape == (networks, HIDDEN, topics_n)
        and intent.out_offsets.shape == (networks, topics_n)
    )
    if not fits:
        raise ModelFileError("the arrays do not fit the knowledge base")


def _postings_fit(first: Any, places: Any, weights: Any, shape: tuple[int, int]) -> bool:
    whole = first.shape == (shape[0] + 1,) and places.shape == weights.shape
    if not whole or places.ndim != 1:
        return False
    rising = first[0] == 0 and first[-1] == len(places) and bool((np.diff(first) >= 0).all())
    return rising and bool(((places >= 0) & (places < shape[1])).all())
