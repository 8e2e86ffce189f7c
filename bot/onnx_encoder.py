"""Turn texts into vectors with an encoder that an operator keeps in a folder: model.onnx and
tokenizer.json, as optimum exports them. Nothing is downloaded, and without a folder nothing of this
is imported.

Everything is checked while the folder is opened, by a trial run too: a question never finds out.
One thread, bounded texts and batches: answering shares its machine with chats.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from bot.encoder import EncoderError, of_length_1
from bot.features import F32, I64

MODEL, TOKENIZER = "model.onnx", "tokenizer.json"
MAX_MODEL, MAX_TOKENIZER = 2**31 - 1, 64 * 2**20
"""Bytes. A model beyond 2 GiB is kept in several files, and is nothing for a processor."""
MAX_TOKENS = 128
"""Of one text; the rest of a longer one is not read."""
MAX_WIDTH = 4_096
BATCH = 32
MEMO_N, MEMO_CHARS = 20_000, 200
"""Texts whose vectors are remembered, and how long they may be: several versions of a base are
asked the same question, and a changed base holds mostly the wordings of the one before."""
OUTPUTS = {"sentence_embedding": 2, "last_hidden_state": 3, "token_embeddings": 3}
"""What is read, the first that there is -> its dimensions. Of three, tokens are averaged."""
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_TRIALS = ("refund", "怎么退款 " * MAX_TOKENS)
_INSTALL = (
    "such an encoder needs a package more: python -m pip install -r requirements-encoder.txt ({})"
)


class OnnxEncoder:
    """An encoder that was checked (implements `bot.encoder.Encoder`); made by `open_onnx`."""

    def __init__(self, folder: Path, identity: str, tokenizer: Any, session: Any) -> None:
        self.folder = folder
        self.identity = identity
        self._tokenizer = tokenizer
        self._session = session
        self._inputs = _inputs_of(session, folder / MODEL)
        self._output, self._averaged = _output_of(session, folder / MODEL)
        self._memo: dict[str, F32] = {}
        self._lock = threading.Lock()
        self.width = self._tried()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the folder and what it held."""
        return _reopened, (str(self.folder), self.identity)

    def embed(self, texts: Sequence[str]) -> F32:
        """Return texts x width: a row of length 1 for each text."""
        with self._lock:
            found = {text: self._memo.get(text) for text in texts}
        fresh = [text for text, row in found.items() if row is None]
        rows = self._run_all(fresh)
        found.update(zip(fresh, rows, strict=True))
        with self._lock:
            self._memo.update({t: row for t, row in zip(fresh, rows, strict=True) if _is_short(t)})
            for old in list(self._memo)[: max(0, len(self._memo) - MEMO_N)]:
                del self._memo[old]
        out = np.zeros((len(texts), self.width), np.float32)
        for at, text in enumerate(texts):
            out[at] = found[text]
        return out

    def forget(self) -> None:
        """Forget the texts that were read: for whoever measures what reading costs."""
        with self._lock:
            self._memo.clear()

    def _run_all(self, texts: Sequence[str]) -> F32:
        """Run batches of about equally long texts: filling up short ones costs as much as words."""
        ids = [self._tokenizer.encode(text).ids for text in texts]
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        out = np.zeros((len(ids), self.width), np.float32)
        for start in range(0, len(order), BATCH):
            places = order[start : start + BATCH]
            out[places] = self._run([ids[i] for i in places])
        return out

    def _run(self, ids: Sequence[Sequence[int]]) -> F32:
        longest = max(1, *map(len, ids)) if ids else 1
        tokens = np.zeros((len(ids), longest), np.int64)
        mask = np.zeros((len(ids), longest), np.int64)
        for at, one in enumerate(ids):
            tokens[at, : len(one)] = one
            mask[at, : len(one)] = 1
        given = {"input_ids": tokens, "attention_mask": mask, "token_type_ids": tokens * 0}
        wanted = {name: given[name] for name in self._inputs}
        raw: F32 = np.asarray(self._session.run([self._output], wanted)[0], np.float32)
        return of_length_1(_mean(raw, mask) if self._averaged else raw)

    def _tried(self) -> int:
        """Return how wide vectors are, having made some.

        Raises:
            EncoderError: they cannot be made, or are of no use.
        """
        model = self.folder / MODEL
        try:
            ids = [self._tokenizer.encode(text).ids for text in _TRIALS]
            found = self._run([*ids, [self._tokenizer.get_vocab_size() - 1]])
        except Exception as error:  # onnxruntime raises many kinds
            raise EncoderError(
                f"{model}: a trial run failed. Expected is a model that takes {MAX_TOKENS} tokens, "
                f"and numbers up to those of {TOKENIZER}: {_brief(error)}"
            ) from error
        if found.ndim != 2 or len(found) != len(ids) + 1 or not 0 < found.shape[1] <= MAX_WIDTH:
            raise EncoderError(
                f"{model}: {len(ids) + 1} texts gave an array of shape {found.shape}. Expected is "
                f"a row of 1 to {MAX_WIDTH} numbers for each text"
            )
        if not np.isfinite(found).all():
            raise EncoderError(f"{model}: a trial run gave no usable numbers")
        return int(found.shape[1])


def open_onnx(folder: str | Path) -> OnnxEncoder:
    """Return the encoder of a folder. Asked again about unchanged files: the same one.

    Raises:
        EncoderError: a file is missing or not what is expected, or the packages are not installed.
    """
    place = Path(folder).expanduser().absolute()
    if not place.is_dir():
        raise EncoderError(
            f"{place}: no such folder. Expected is one that holds {MODEL} and {TOKENIZER}"
        )
    stamps = [_stamp(place / MODEL, MAX_MODEL), _stamp(place / TOKENIZER, MAX_TOKENIZER)]
    return _opened(place, tuple(stamps))


def _stamp(path: Path, most: int) -> tuple[int, int]:
    if not path.is_file():
        raise EncoderError(f"{path}: no such file")
    found = path.stat()
    if not 0 < found.st_size <= most:
        raise EncoderError(f"{path}: {found.st_size:,} bytes. Expected are 1 to {most:,}")
    return found.st_size, found.st_mtime_ns


@lru_cache(maxsize=4)
def _opened(folder: Path, _stamps: tuple[tuple[int, int], ...]) -> OnnxEncoder:
    try:
        import onnxruntime  # type: ignore[import-untyped]  # noqa: PLC0415 - it ships no types
        import tokenizers  # noqa: PLC0415 - both only when an operator names a folder
    except ImportError as error:
        raise EncoderError(_INSTALL.format(error)) from error
    model, text = _read(folder / MODEL), _read(folder / TOKENIZER)
    identity = hashlib.sha256(hashlib.sha256(model).digest() + text).hexdigest()[:32]
    try:
        tokenizer = tokenizers.Tokenizer.from_str(text.decode("utf-8"))
    except Exception as error:  # the library raises plain Exception
        raise EncoderError(
            f"{folder / TOKENIZER}: no fast tokenizer of Hugging Face's: {_brief(error)}"
        ) from error
    own = tokenizer.truncation["max_length"] if tokenizer.truncation else MAX_TOKENS
    tokenizer.no_padding()
    tokenizer.enable_truncation(min(own, MAX_TOKENS))
    return OnnxEncoder(folder, identity, tokenizer, _session(onnxruntime, model, folder / MODEL))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise EncoderError(f"{path}: cannot be read: {error}") from error


def _session(onnxruntime: Any, model: bytes, path: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what goes wrong is raised; standard error is the operator's
    try:
        return onnxruntime.InferenceSession(model, options, ["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises many kinds
        raise EncoderError(
            f"{path}: onnxruntime cannot load it. Expected is one ONNX file that holds its own "
            f"weights: {_brief(error)}"
        ) from error


def _inputs_of(session: Any, path: Path) -> list[str]:
    """Return the inputs to give, having checked their names, kinds and dimensions."""
    found = {one.name: one for one in session.get_inputs()}
    fits = {"input_ids", "attention_mask"} <= found.keys() <= set(INPUTS) and all(
        one.type == "tensor(int64)" and len(one.shape) == 2 for one in found.values()
    )
    if not fits:
        raise EncoderError(
            f"{path}: its inputs are {_listed(found.values())}. Expected are input_ids, "
            "attention_mask and perhaps token_type_ids, each tensor(int64) of 2 dimensions"
        )
    return list(found)


def _output_of(session: Any, path: Path) -> tuple[str, bool]:
    """Return the output to read, and whether its tokens are to be averaged."""
    found = {one.name: one for one in session.get_outputs()}
    for name, dimensions in OUTPUTS.items():
        if name in found and len(found[name].shape) == dimensions:
            return name, dimensions == 3
    raise EncoderError(
        f"{path}: its outputs are {_listed(found.values())}. Expected is sentence_embedding of 2 "
        "dimensions, or last_hidden_state or token_embeddings of 3"
    )


def _reopened(folder: str, identity: str) -> OnnxEncoder:
    encoder = open_onnx(folder)
    if encoder.identity != identity:
        raise EncoderError(
            f"{encoder.folder}: holds {encoder.identity}. Expected is {identity}: the files were "
            "changed meanwhile, or differ between machines"
        )
    return encoder


def _mean(tokens: F32, mask: I64) -> F32:
    weigh = mask[:, :, None].astype(np.float32)
    mean: F32 = (tokens * weigh).sum(axis=1) / np.maximum(weigh.sum(axis=1), 1)
    return mean


def _is_short(text: str) -> bool:
    return len(text) <= MEMO_CHARS


def _brief(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def _listed(found: Iterable[Any]) -> str:
    return ", ".join(f"{one.name}: {one.type} {list(one.shape)}" for one in found) or "none"
