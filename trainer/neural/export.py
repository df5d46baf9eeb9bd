"""A trained network as an ONNX file: one graph from raw columns to scores, missing values and categories included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from trainer.neural.network import Dice
from trainer.neural.reading import LIMIT

if TYPE_CHECKING:
    from trainer.neural.network import Network, Reader

__all__ = ["exported"]

_OPSET: Final = 20
_IR: Final = 10


def exported(network: Network) -> bytes:
    """Return the content of a file that scores as the network does, within the rounding of float32."""
    graph = _Graph()
    first = _read(graph, network.reader)
    last = first
    for layer in network.deep:
        last = _layer(graph, layer, last)
    parts, crossed = [last], first
    for layer in network.cross:
        crossed = graph.add(
            "Add", graph.add("Mul", first, _layer(graph, layer.get_submodule("linear"), crossed)), crossed
        )
    if len(network.cross):
        parts.append(crossed)
    graph.add("Identity", _layer(graph, network.last, graph.add("Concat", *parts, axis=1)), name="score")
    return graph.content(network.reader.reading.width)


class _Graph:
    """Nodes and constants, each named by its number."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def add(self, operator: str, *inputs: str, name: str = "", **attributes: object) -> str:
        """Add a node and return the name of what it gives."""
        output = name or f"v{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def constant(self, value: Any) -> str:
        """Add a constant and return its name."""
        array = value.detach().numpy() if isinstance(value, Tensor) else np.asarray(value)
        name = f"c{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def number(self, value: float) -> str:
        """Add one float32 and return its name."""
        return self.constant(np.array(value, np.float32))

    def content(self, width: int) -> bytes:
        """Return the file."""
        graph = helper.make_graph(
            self._nodes,
            "ranker",
            [helper.make_tensor_value_info("columns", TensorProto.FLOAT, ["rows", width])],
            [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["rows", 1])],
            self._constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR)
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString())


def _read(graph: _Graph, reader: Reader) -> str:
    """Add what ``Reader`` does."""
    reading, nothing = reader.reading, graph.number(0.0)
    parts = []
    if len(reading.numbers):
        raw = graph.add("Gather", "columns", graph.constant(reading.numbers), axis=1)
        missing = graph.add("IsNaN", raw)
        centred = graph.add("Sub", raw, graph.constant(reading.means))
        scaled = graph.add("Mul", centred, graph.constant(reading.scales))
        bounded = graph.add("Clip", scaled, graph.number(-LIMIT), graph.number(LIMIT))
        absent = graph.add("IsNaN", scaled)  # infinity times a scale of 0 too
        parts.append(graph.add("Where", absent, nothing, bounded))
        if len(reading.gaps):
            gaps = graph.add("Gather", missing, graph.constant(reading.gaps), axis=1)
            parts.append(graph.add("Cast", gaps, to=TensorProto.FLOAT))
    if len(reading.codes):
        parts.append(_embedded(graph, reader, nothing))
    return graph.add("Concat", *parts, axis=1)


def _embedded(graph: _Graph, reader: Reader, nothing: str) -> str:
    """Add the rows of the table that codes stand for."""
    reading = reader.reading
    codes = graph.add("Gather", "columns", graph.constant(reading.codes), axis=1)
    sizes = graph.constant(reading.sizes.astype(np.float32))
    seen = graph.add("And", graph.add("GreaterOrEqual", codes, nothing), graph.add("Less", codes, sizes))
    whole = graph.add("Cast", graph.add("Where", seen, codes, sizes), to=TensorProto.INT64)
    rows = graph.add("Add", whole, graph.constant(reading.offsets))
    found = graph.add("Gather", graph.constant(reader.table), rows, axis=0)
    width = len(reading.codes) * reader.table.shape[1]
    return graph.add("Reshape", found, graph.constant(np.array([-1, width], np.int64)))


def _layer(graph: _Graph, layer: nn.Module, values: str) -> str:
    """Add a layer as it is when it no longer learns."""
    if isinstance(layer, nn.Linear):
        return graph.add("Gemm", values, graph.constant(layer.weight), graph.constant(layer.bias), transB=1)
    if isinstance(layer, nn.PReLU):
        return graph.add("PRelu", values, graph.constant(layer.weight))
    if isinstance(layer, Dice):
        return _dice(graph, layer, values)
    if isinstance(layer, nn.SiLU):
        return graph.add("Mul", values, graph.add("Sigmoid", values))
    if isinstance(layer, nn.Dropout):
        return values
    return graph.add({nn.ReLU: "Relu", nn.GELU: "Gelu"}[type(layer)], values)


def _dice(graph: _Graph, layer: Dice, values: str) -> str:
    """Add ``Dice`` with the means and variances that it has learnt."""
    mean, variance = layer.norm.get_buffer("running_mean"), layer.norm.get_buffer("running_var")
    scale = graph.constant(1 / (variance + layer.norm.eps).sqrt())
    share = graph.add("Sigmoid", graph.add("Mul", graph.add("Sub", values, graph.constant(mean)), scale))
    rest = graph.add("Sub", graph.number(1.0), share)
    bent = graph.add("Add", share, graph.add("Mul", rest, graph.constant(layer.slope)))
    return graph.add("Mul", values, bent)
