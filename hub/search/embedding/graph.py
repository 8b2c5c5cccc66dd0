"""The model as one ONNX graph with fused operators, token ids in and unit vectors out (build time: needs onnx).

BERT with 6 layers, mean pooling and L2 norm, as in https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2;
the fused operators are onnxruntime's own: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx  # type: ignore[import-not-found]  # installed for the build only

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Weights = Mapping[str, NDArray[np.float32]]

LAYERS = 6
HEADS = 12
DIMENSIONS = 384
_EPSILON = 1e-12
_FUSED = "com.microsoft"
_FUSED_OPERATORS = frozenset(("Attention", "SkipLayerNormalization", "BiasGelu"))


def write(weights: "Weights", path: Path) -> None:
    """Writes the graph in fp32: inputs input_ids and attention_mask, int64 (texts, pieces); one output, the vectors.

    Raises KeyError when a weight is missing.
    """
    graph = _Graph(weights)
    hidden = _embedding(graph)
    for layer in range(LAYERS):
        hidden = _layer(graph, hidden, f"encoder.layer.{layer}")
    _pool(graph, hidden)
    onnx.save(graph.model(), path)


def quantize(source: Path, target: Path) -> None:
    """Writes the graph with its matrices as 8-bit integers, a scale for each output channel."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    # onnx cannot infer the type of what a fused operator gives, so it has to be told.
    untyped = {"DefaultTensorType": onnx.TensorProto.FLOAT}
    quantize_dynamic(source, target, weight_type=QuantType.QInt8, per_channel=True, extra_options=untyped)


class _Graph:
    """Nodes and constants in the order of their making; a value is known by its name."""

    def __init__(self, weights: "Weights") -> None:
        self._weights = weights
        self._nodes: list[Any] = []
        self._constants: dict[str, Any] = {}

    def node(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        output = output or f"{operator}_{len(self._nodes)}"
        domain = _FUSED if operator in _FUSED_OPERATORS else ""
        self._nodes.append(onnx.helper.make_node(operator, inputs, [output], name=output, domain=domain, **attributes))
        return output

    def constant(self, name: str, value: "NDArray[Any]") -> str:
        self._constants[name] = onnx.numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def axis(self, number: int) -> str:
        return self.constant(f"axis_{number}", np.array([number], np.int64))

    def weight(self, name: str) -> str:
        return self.constant(name, self._weights[name])

    def matrix(self, *layers: str) -> str:
        """The transposed matrices of linear layers side by side, as MatMul and Attention want them."""
        return self.constant(f"{layers[0]}.matrix", np.hstack([self._weights[f"{layer}.weight"].T for layer in layers]))

    def bias(self, *layers: str) -> str:
        return self.constant(f"{layers[0]}.biases", np.hstack([self._weights[f"{layer}.bias"] for layer in layers]))

    def norm(self, name: str) -> tuple[str, str]:
        return self.weight(f"{name}.LayerNorm.weight"), self.weight(f"{name}.LayerNorm.bias")

    def positions(self) -> str:
        """Position and token type in one table: every token of one text is of type 0."""
        table = self._weights["embeddings.position_embeddings.weight"]
        return self.constant("positions", table + self._weights["embeddings.token_type_embeddings.weight"][0])

    def model(self) -> Any:
        integers, floats = onnx.TensorProto.INT64, onnx.TensorProto.FLOAT
        tensor = onnx.helper.make_tensor_value_info
        inputs = [tensor(name, integers, ["texts", "pieces"]) for name in ("input_ids", "attention_mask")]
        outputs = [tensor("vectors", floats, ["texts", DIMENSIONS])]
        graph = onnx.helper.make_graph(self._nodes, "minilm", inputs, outputs, list(self._constants.values()))
        opsets = [onnx.helper.make_opsetid("", 17), onnx.helper.make_opsetid(_FUSED, 1)]
        return onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)


def _embedding(graph: _Graph) -> str:
    pieces = graph.node("Gather", graph.weight("embeddings.word_embeddings.weight"), "input_ids")
    length = graph.node("Gather", graph.node("Shape", "input_ids"), graph.axis(1))
    places = graph.node("Slice", graph.positions(), graph.axis(0), length, graph.axis(0))
    scale, bias = graph.norm("embeddings")
    graph.node("Cast", "attention_mask", output="mask", to=onnx.TensorProto.INT32)
    summed = graph.node("Add", pieces, places)
    return graph.node("LayerNormalization", summed, scale, bias, axis=-1, epsilon=_EPSILON)


def _layer(graph: _Graph, hidden: str, name: str) -> str:
    projections = [f"{name}.attention.self.{part}" for part in ("query", "key", "value")]
    attended = graph.node(
        "Attention", hidden, graph.matrix(*projections), graph.bias(*projections), "mask", num_heads=HEADS
    )
    attended = _add_and_norm(graph, attended, hidden, f"{name}.attention.output")
    inner = f"{name}.intermediate.dense"
    widened = graph.node("BiasGelu", graph.node("MatMul", attended, graph.matrix(inner)), graph.bias(inner))
    return _add_and_norm(graph, widened, attended, f"{name}.output")


def _add_and_norm(graph: _Graph, value: str, residual: str, name: str) -> str:
    dense = f"{name}.dense"
    projected = graph.node("MatMul", value, graph.matrix(dense))
    return graph.node(
        "SkipLayerNormalization", projected, residual, *graph.norm(name), graph.bias(dense), epsilon=_EPSILON
    )


def _pool(graph: _Graph, hidden: str) -> None:
    """The mean over a text's own tokens, padding left out, scaled to length 1."""
    mask = graph.node("Unsqueeze", graph.node("Cast", "attention_mask", to=onnx.TensorProto.FLOAT), graph.axis(-1))
    total = graph.node("ReduceSum", graph.node("Mul", hidden, mask), graph.axis(1), keepdims=0)
    count = graph.node("ReduceSum", mask, graph.axis(1), keepdims=0)
    graph.node("LpNormalization", graph.node("Div", total, count), output="vectors", axis=-1, p=2)
