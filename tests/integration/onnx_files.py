"""Networks written with the format's own library, for tests."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

__all__ = ["network", "weights"]


def weights(width, hidden=8, seed=3):
    """Return the two layers of a network."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(width, hidden)).astype(np.float32), rng.normal(size=(hidden, 1)).astype(np.float32)


def network(width, *, rows="rows", forgives=True, outputs=1):
    """Return the content of a file: two layers, with missing values as 0 if it forgives them."""
    first, second = weights(width)
    kept = [
        helper.make_node("IsNaN", ["x"], ["unknown"]),
        helper.make_node("Where", ["unknown", "nothing", "x"], ["y"]),
    ]
    nodes = [
        *(kept if forgives else [helper.make_node("Identity", ["x"], ["y"])]),
        helper.make_node("MatMul", ["y", "first"], ["a"]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("MatMul", ["b", "second"], ["score"]),
    ]
    constants = {"first": first, "second": second, "nothing": np.zeros(1, np.float32)}
    graph = helper.make_graph(
        nodes,
        "two layers",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [rows, width])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [rows, None]) for name in ["score", "a"][:outputs]],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()


def with_weights_outside(content):
    """Return the same network, its weights said to lie in another file."""
    model = onnx.load_model_from_string(content)
    for tensor in model.graph.initializer:
        onnx.external_data_helper.set_external_data(tensor, "weights.bin")
        tensor.ClearField("raw_data")
    return model.SerializeToString()
