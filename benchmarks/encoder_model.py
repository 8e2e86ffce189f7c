"""An encoder of MiniLM's shape with weights by chance, as a folder that `bot.onnx_encoder` opens:
what a real one costs in time, without having one.

    from benchmarks.encoder_model import write_encoder
    write_encoder(folder, layers=6)

Source: Devlin et al., BERT (2019); Wang et al., MiniLM (2020): 384 wide, 12 heads.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

F32 = NDArray[np.float32]
WIDTH, HEADS, INNER, WORDS_N, LONGEST = 384, 12, 1_536, 30_522, 512
OPSET = 20
"""The first with Gelu."""
Weight = Callable[[str, tuple[int, ...]], F32]
"""Gives the weights of a name (as in Hugging Face's BERT) and shape."""


class Graph:
    """Nodes and weights, one after the other; each method returns the name of what it made."""

    def __init__(self, weight: Weight) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self._weight = weight

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add one operation."""
        name = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, values: NDArray[np.generic]) -> str:
        """Add an array."""
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def number(self, value: float) -> str:
        """Add one number."""
        return self.constant(np.array(value, np.float32))

    def weight(self, name: str, *shape: int) -> str:
        """Add named weights."""
        return self.constant(self._weight(name, shape))

    def linear(self, x: str, name: str, given: int, made: int) -> str:
        """Add a layer: x times weights, plus bias."""
        table = self._weight(f"{name}.weight", (made, given)).T
        product = self.add("MatMul", x, self.constant(np.ascontiguousarray(table)))
        return self.add("Add", product, self.weight(f"{name}.bias", made))

    def norm(self, x: str, name: str) -> str:
        """Bring each token to mean 0 and spread 1."""
        scale, shift = self.weight(f"{name}.weight", WIDTH), self.weight(f"{name}.bias", WIDTH)
        return self.add("LayerNormalization", x, scale, shift, axis=-1, epsilon=1e-12)

    def heads(self, x: str, order: list[int]) -> str:
        """Split the width into heads, and bring the dimensions into this order."""
        shape = self.constant(np.array([0, 0, HEADS, WIDTH // HEADS]))
        return self.add("Transpose", self.add("Reshape", x, shape), perm=order)


def bert(layers: int, weight: Weight) -> onnx.ModelProto:
    """Return a model: input_ids, attention_mask and token_type_ids -> last_hidden_state."""
    graph = Graph(weight)
    x, mask = _embeddings(graph), _mask(graph)
    for number in range(layers):
        x = _layer(graph, x, mask, f"encoder.layer.{number}")
    graph.add("Identity", x)
    graph.nodes[-1].output[0] = "last_hidden_state"
    names = ("input_ids", "attention_mask", "token_type_ids")
    given = [helper.make_tensor_value_info(n, TensorProto.INT64, ["b", "s"]) for n in names]
    made = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["b", "s", WIDTH])
    whole = helper.make_graph(graph.nodes, "bert", given, [made], graph.weights)
    return helper.make_model(whole, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)


def _embeddings(graph: Graph) -> str:
    words = graph.weight("embeddings.word_embeddings.weight", WORDS_N, WIDTH)
    places = graph.weight("embeddings.position_embeddings.weight", LONGEST, WIDTH)
    kinds = graph.weight("embeddings.token_type_embeddings.weight", 2, WIDTH)
    size = graph.add("Shape", "input_ids", start=1, end=2)
    place = graph.add("Slice", places, graph.constant(np.array([0])), size)
    x = graph.add("Add", graph.add("Gather", words, "input_ids"), place)
    x = graph.add("Add", x, graph.add("Gather", kinds, "token_type_ids"))
    return graph.norm(x, "embeddings.LayerNorm")


def _mask(graph: Graph) -> str:
    """Return 0 for tokens and very little for filling, for every head and token."""
    real = graph.add("Cast", "attention_mask", to=TensorProto.FLOAT)
    off = graph.add("Sub", real, graph.number(1))
    low = graph.add("Mul", off, graph.number(1e4))
    return graph.add("Unsqueeze", low, graph.constant(np.array([1, 2])))


def _layer(graph: Graph, x: str, mask: str, name: str) -> str:
    part = f"{name}.attention"
    query, key, value = (
        graph.linear(x, f"{part}.self.{kind}", WIDTH, WIDTH) for kind in ("query", "key", "value")
    )
    raw = graph.add("MatMul", graph.heads(query, [0, 2, 1, 3]), graph.heads(key, [0, 2, 3, 1]))
    scale = graph.number((WIDTH // HEADS) ** -0.5)
    looks = graph.add("Softmax", graph.add("Add", graph.add("Mul", raw, scale), mask), axis=-1)
    seen = graph.add("MatMul", looks, graph.heads(value, [0, 2, 1, 3]))
    seen = graph.add("Transpose", seen, perm=[0, 2, 1, 3])
    seen = graph.add("Reshape", seen, graph.constant(np.array([0, 0, WIDTH])))
    seen = graph.linear(seen, f"{part}.output.dense", WIDTH, WIDTH)
    x = graph.norm(graph.add("Add", seen, x), f"{part}.output.LayerNorm")
    inner = graph.add("Gelu", graph.linear(x, f"{name}.intermediate.dense", WIDTH, INNER))
    outer = graph.linear(inner, f"{name}.output.dense", INNER, WIDTH)
    return graph.norm(graph.add("Add", outer, x), f"{name}.output.LayerNorm")


def write_encoder(folder: Path, layers: int, seed: int = 0) -> None:
    """Write an encoder of so many layers, with weights by chance, and its tokenizer, which cuts
    words into pieces of up to three letters."""
    dice = np.random.default_rng(seed)

    def weight(name: str, shape: tuple[int, ...]) -> F32:
        if name.endswith("LayerNorm.weight"):
            return np.ones(shape, np.float32)
        return dice.normal(0, 0.02, shape).astype(np.float32)

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(bert(layers, weight).SerializeToString())
    _tokenizer().save(str(folder / "tokenizer.json"))


def _tokenizer() -> Tokenizer:
    letters = "abcdefghijklmnopqrstuvwxyz"
    pieces = [a + b + c for a in ["", *letters] for b in ["", *letters] for c in letters]
    marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"0123456789'?!.,-"]
    words = dict.fromkeys([*marks, *pieces, *(f"##{piece}" for piece in pieces)])
    numbers = {word: at for at, word in enumerate([*words][:WORDS_N])}
    made = Tokenizer(models.WordPiece(numbers, unk_token="[UNK]"))  # noqa: S106 - no password
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    ends = [("[CLS]", 2), ("[SEP]", 3)]
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=ends
    )
    return made
