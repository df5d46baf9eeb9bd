"""A LightGBM forest as ONNX Runtime scores it: one ``TreeEnsembleRegressor`` with the same nodes."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

from searchrank.models.tree_text import CATEGORICAL, Trees, read_trees

__all__ = ["installed", "onnx_scoring"]

Rows = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


def installed() -> bool:
    """Whether ``onnx`` and ``onnxruntime`` are."""
    return all(find_spec(name) is not None for name in ("onnx", "onnxruntime"))


def onnx_scoring(text: str) -> Callable[[Rows], npt.NDArray[np.float32]] | None:
    """Return ONNX Runtime's scoring of rows, shape ``(n, f)``, by one thread; None for categorical trees.

    Sums are of float32, so that its scores are close to LightGBM's, not equal; thresholds are rounded down to float32,
    which changes no decision.
    """
    import onnxruntime  # noqa: PLC0415 - may not be installed

    trees = read_trees(text)
    if (trees.decision & CATEGORICAL).any():
        return None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(_model(trees), options, providers=["CPUExecutionProvider"])

    def score(rows: Rows) -> npt.NDArray[np.float32]:
        found: npt.NDArray[np.float32] = session.run(["score"], {"x": rows})[0]
        return found[:, 0]

    return score


def _model(trees: Trees) -> bytes:
    """Return the model's bytes; nodes are numbered in each tree, its leaves after its inner ones."""
    from onnx import TensorProto, helper  # noqa: PLC0415 - may not be installed

    node = helper.make_node("TreeEnsembleRegressor", ["x"], ["score"], domain="ai.onnx.ml", **_attributes(trees))
    graph = helper.make_graph(
        [node],
        "forest",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, len(trees.names)])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, [None, 1])],
    )
    versions = [helper.make_opsetid("", 15), helper.make_opsetid("ai.onnx.ml", 3)]
    content: bytes = helper.make_model(graph, opset_imports=versions, ir_version=8).SerializeToString()
    return content


def _attributes(trees: Trees) -> dict[str, Any]:
    counts, sizes = np.diff(trees.first_node), np.diff(trees.first_leaf)
    tree = np.repeat(np.arange(trees.count), counts)
    leaf_tree = np.repeat(np.arange(trees.count), sizes)
    number = np.arange(tree.size) - trees.first_node[tree]
    leaf_number = np.arange(leaf_tree.size) - trees.first_leaf[leaf_tree] + counts[leaf_tree]

    def child(which: Ints) -> Ints:
        inner = which - trees.first_node[tree]
        return np.where(which >= 0, inner, ~which - trees.first_leaf[tree] + counts[tree])

    near = trees.threshold.astype(np.float32)
    cuts = np.where(near > trees.threshold, np.nextafter(near, np.float32(-np.inf)), near)
    to_left = (((trees.decision >> 2) & 3 == 2) & ((trees.decision & 2) == 2)) | (
        ((trees.decision >> 2) & 3 == 0) & (trees.threshold >= 0)
    )
    padding = np.zeros(leaf_tree.size, np.int64)
    columns = {
        "nodes_treeids": (tree, leaf_tree),
        "nodes_nodeids": (number, leaf_number),
        "nodes_featureids": (trees.feature, padding),
        "nodes_values": (cuts, padding.astype(np.float32)),
        "nodes_truenodeids": (child(trees.left), padding),
        "nodes_falsenodeids": (child(trees.right), padding),
        "nodes_missing_value_tracks_true": (to_left.astype(np.int64), padding),
    }
    order = np.lexsort((np.concatenate([number, leaf_number]), np.concatenate([tree, leaf_tree])))
    modes = np.array(["BRANCH_LEQ"] * tree.size + ["LEAF"] * leaf_tree.size)[order]
    return {
        **{name: np.concatenate(parts)[order].tolist() for name, parts in columns.items()},
        "nodes_modes": modes.tolist(),
        "target_treeids": leaf_tree.tolist(),
        "target_nodeids": leaf_number.tolist(),
        "target_ids": padding.tolist(),
        "target_weights": trees.leaf_value.astype(np.float32).tolist(),
        "n_targets": 1,
    }
