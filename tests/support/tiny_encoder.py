"""Encoders of a few words, as real ONNX files: an embedding table, and perhaps the mean of it."""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, pre_tokenizers

from bot.knowledge import Answer, Base, Topic

INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def write_encoder(
    folder: Path, meanings: Mapping[str, Sequence[float]], *, averaged: bool = False
) -> Path:
    """Write an encoder that knows these words by these vectors, and all others as zeros. Its output
    is last_hidden_state, or with `averaged` sentence_embedding."""
    folder.mkdir(parents=True, exist_ok=True)
    table = np.array([[0.0] * len(next(iter(meanings.values()))), *meanings.values()], np.float32)
    (folder / "model.onnx").write_bytes(averaging(table) if averaged else looking_up(table))
    write_tokenizer(folder, list(meanings))
    return folder


def write_tokenizer(folder: Path, words: Sequence[str]) -> None:
    """Write a tokenizer that knows words by their place, and all others as 0."""
    numbers = {word: at for at, word in enumerate(["[UNK]", *words])}
    tokenizer = Tokenizer(models.WordLevel(numbers, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))


def looking_up(
    table: np.ndarray,
    inputs: Sequence[str] = INPUTS,
    output: str = "last_hidden_state",
    kind: int = TensorProto.INT64,
) -> bytes:
    """Return a model that gives every token its row."""
    nodes = [helper.make_node("Cast", [inputs[0]], ["ids"], to=TensorProto.INT64)]
    nodes += [helper.make_node("Gather", ["table", "ids"], [output])]
    return _model(nodes, [numpy_helper.from_array(table, "table")], inputs, (output, 3), kind)


def averaging(table: np.ndarray) -> bytes:
    """Return a model that gives every text the mean row of its tokens."""
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("Cast", ["attention_mask"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["real", "last"], ["weigh"]),
        helper.make_node("Mul", ["rows", "weigh"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "words"], ["sum"], keepdims=0),
        helper.make_node("ReduceSum", ["weigh", "words"], ["n"], keepdims=0),
        helper.make_node("Div", ["sum", "n"], ["sentence_embedding"]),
    ]
    weights = [
        numpy_helper.from_array(table, "table"),
        numpy_helper.from_array(np.array([2]), "last"),
        numpy_helper.from_array(np.array([1]), "words"),
    ]
    return _model(nodes, weights, INPUTS[:2], ("sentence_embedding", 2), TensorProto.INT64)


def _model(nodes, weights, inputs, output, kind) -> bytes:
    given = [helper.make_tensor_value_info(name, kind, ["b", "s"]) for name in inputs]
    name, dimensions = output
    shape = [f"d{i}" for i in range(dimensions)]
    made = helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    graph = helper.make_graph(nodes, "tiny", given, [made], weights)
    opset = helper.make_opsetid("", 17)
    model: onnx.ModelProto = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    return model.SerializeToString()


def word_base(topics_n: int = 8, wordings_n: int = 6) -> tuple[Base, list[tuple[str, str]]]:
    """Return a base in which no word stands twice, and two questions a topic in words of their own:
    only who knows what the words mean can find them."""
    dice = random.Random(5)

    def text() -> str:
        return " ".join("".join(dice.choices("abcdefghijklmnopqrstuvwxyz", k=6)) for _ in "12")

    topics, asked = [], []
    for number in range(topics_n):
        texts = [text() for _ in range(wordings_n)]
        asked += [(text(), f"t{number}") for _ in range(2)]
        answers = (Answer(text=f"answer {number}"),)
        topics.append(
            Topic(id=f"t{number}", question=texts[0], similar=tuple(texts[1:]), answers=answers)
        )
    return Base(id="words", name="words", topics=tuple(topics)), asked


def synonyms(base: Base, asked: Sequence[tuple[str, str]]) -> dict[str, list[float]]:
    """Return a vector a word: all words of a topic, and of the questions to it, mean the same."""
    places = {topic.id: place for place, topic in enumerate(base.topics)}
    texts = [(text, topic.id) for topic in base.topics for text in topic.phrasings()]
    rows = np.eye(len(places)).tolist()
    return {w: rows[places[topic]] for text, topic in [*texts, *asked] for w in text.split()}


def strangers_all(base: Base) -> dict[str, list[float]]:
    """Return a vector a word: each word means something of its own."""
    dice = np.random.default_rng(0)
    words = [w for topic in base.topics for text in topic.phrasings() for w in text.split()]
    return {word: dice.normal(0, 1, 64).tolist() for word in words}
