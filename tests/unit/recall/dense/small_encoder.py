"""A sentence encoder of a few words, written with the libraries of its formats."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import Whitespace

__all__ = ["MEANINGS", "write_encoder"]

MEANINGS = {"tea": [1, 0, 0], "infusion": [0.9, 0.1, 0], "coffee": [0, 1, 0], "espresso": [0, 0.9, 0.1]}
"""Words and their vectors; all others are unknown and say little."""


def write_encoder(folder: Path, unknown: float = 0.1) -> None:
    """Write a network that looks the vector of each token up, and a tokenizer that pads, as many do."""
    folder.mkdir(parents=True)
    vocabulary = {"[UNK]": 0} | {word: at + 1 for at, word in enumerate(MEANINGS)}
    table = np.array([[0, 0, unknown], *MEANINGS.values()], np.float32)
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "input_ids"], ["tokens"])],
        "look up",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, [1, "n"])],
        [helper.make_tensor_value_info("tokens", TensorProto.FLOAT, [1, "n", 3])],
        [numpy_helper.from_array(table, "table")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(folder / "model.onnx"))
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))  # noqa: S106 - a token of words
    tokenizer.normalizer = Lowercase()
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.enable_padding(length=16, pad_token="[UNK]")  # noqa: S106 - the same
    tokenizer.save(str(folder / "tokenizer.json"))
