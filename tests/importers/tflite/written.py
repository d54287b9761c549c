"""Small .tflite files of our own, written with the schema's package, and what TensorFlow Lite Micro makes of them."""

from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import flatbuffers
import numpy as np
from numpy.typing import NDArray

_TYPES = {np.dtype(np.float32): 0, np.dtype(np.int32): 2, np.dtype(np.uint8): 3, np.dtype(np.int64): 4,
          np.dtype(np.int16): 7, np.dtype(np.int8): 9}  # fmt: skip


@dataclass
class Net:
    """A file that grows; values are numbers of tensors. The first value is the input, the last made the output."""

    seed: int = 0
    tensors: list[dict[str, Any]] = field(default_factory=list)
    nodes: list[tuple[str, list[int], list[int], str, dict[str, Any]]] = field(default_factory=list)
    version: int = 3

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)

    def value(self, *shape: int, scale: Any = None, zero: Any = None, dtype: Any = np.int8, **more: Any) -> int:
        """A value that is computed, of a random scale."""
        scale = self.rng.uniform(0.01, 0.1) if scale is None else scale
        zero = int(self.rng.integers(-128, 128)) if zero is None else zero
        scales, zeros = ([], []) if scale is False else (np.atleast_1d(scale).tolist(), np.atleast_1d(zero).tolist())
        self.tensors.append({"shape": shape, "dtype": np.dtype(dtype), "scales": scales, "zeros": zeros, "axis": 0,
                             "data": None, **more})  # fmt: skip
        return len(self.tensors) - 1

    def constant(self, data: NDArray[Any], scale: Any = False, zero: Any = 0, axis: int = 0) -> int:
        """A constant."""
        if scale is not False:
            zero = np.zeros(np.atleast_1d(scale).shape, np.int64) + zero
        return self.value(*data.shape, scale=scale, zero=zero, dtype=data.dtype, axis=axis, data=data)

    def numbers(self, *values: int) -> int:
        """A constant of int32."""
        return self.constant(np.array(values, np.int32))

    def like(self, other: int, *shape: int) -> int:
        """A value of another's scale."""
        t = self.tensors[other]
        return self.value(*(shape or t["shape"]), scale=t["scales"], zero=t["zeros"])

    def node(self, kind: str, inputs: list[int], outputs: list[int], table: str = "", **options: Any) -> int:
        """An operator; the first of its outputs."""
        self.nodes.append((kind, inputs, outputs, table, options))
        return outputs[0]

    def weights(self, *shape: int, axis: int | None = 0) -> int:
        """Int8 weights with a scale for each slice along an axis, or one."""
        count = 1 if axis is None else shape[axis]
        data = self.rng.integers(-127, 128, shape).astype(np.int8)
        return self.constant(data, self.rng.uniform(0.001, 0.01, count), axis=axis or 0)

    def bias(self, count: int) -> int:
        """Int32 biases."""
        return self.constant(self.rng.integers(-3000, 3000, count).astype(np.int32), [1e-4])

    def content(self, outputs: list[int] | None = None, inputs: list[int] | None = None) -> bytes:
        """The file."""
        return _content(self, [0] if inputs is None else inputs, outputs or [self.nodes[-1][2][0]])


def micro(content: bytes, inputs: NDArray[Any], count: int = 1) -> list[NDArray[Any]]:
    """Every output of TensorFlow Lite Micro for each input (N, …)."""
    from tflite_micro.python.tflite_micro import runtime

    engine = runtime.Interpreter.from_bytes(content)
    outputs: list[list[NDArray[Any]]] = []
    for x in inputs:
        engine.set_input(x[None], 0)
        engine.invoke()
        outputs.append([engine.get_output(i).copy() for i in range(count)])
    return [np.concatenate(each) for each in zip(*outputs, strict=True)]


def _content(net: Net, inputs: list[int], outputs: list[int]) -> bytes:
    b = flatbuffers.Builder(1024)

    def of(name: str) -> Any:
        return import_module(f"tflite.{name}")

    def vector(values: Any, dtype: Any) -> int:
        return int(b.CreateNumpyVector(np.asarray(values, dtype)))

    def offsets(values: list[int]) -> int:
        b.StartVector(4, len(values), 4)
        for value in reversed(values):
            b.PrependUOffsetTRelative(value)
        return int(b.EndVector())

    def table(name: str, **values: Any) -> int:
        module = of(name)
        made = {k: vector(v, np.int32) if isinstance(v, list) else v for k, v in values.items()}
        getattr(module, f"{name}Start")(b)
        for key, value in made.items():
            getattr(module, f"{name}Add{key}")(b, value)
        return int(getattr(module, f"{name}End")(b))

    buffers = [table("Buffer")]
    tensors = []
    for i, t in enumerate(net.tensors):
        number = 0
        if t["data"] is not None:
            data = vector(np.frombuffer(np.ascontiguousarray(t["data"]).tobytes(), np.uint8), np.uint8)
            buffers.append(table("Buffer", Data=data))
            number = len(buffers) - 1
        quantization = None
        if t["scales"]:
            scales, zeros = vector(t["scales"], np.float32), vector(t["zeros"], np.int64)
            quantization = table("QuantizationParameters", Scale=scales, ZeroPoint=zeros, QuantizedDimension=t["axis"])
        name, shape = b.CreateString(t.get("name", f"t{i}")), vector(t["shape"], np.int32)
        more = {} if quantization is None else {"Quantization": quantization}
        if "signature" in t:
            more["ShapeSignature"] = vector(t["signature"], np.int32)
        tensors.append(table("Tensor", Shape=shape, Type=_TYPES[t["dtype"]], Buffer=number, Name=name, **more))
    kinds = sorted({kind for kind, *_ in net.nodes})
    codes = []
    for kind in kinds:
        number = getattr(of("BuiltinOperator").BuiltinOperator, kind)
        codes.append(table("OperatorCode", DeprecatedBuiltinCode=min(number, 127), Version=1, BuiltinCode=number))
    nodes = []
    for kind, read, made, options, values in net.nodes:
        more = {}
        if options:
            more = {"BuiltinOptions": table(options, **values),
                    "BuiltinOptionsType": getattr(of("BuiltinOptions").BuiltinOptions, options)}  # fmt: skip
        ins, outs = vector(read, np.int32), vector(made, np.int32)
        nodes.append(table("Operator", OpcodeIndex=kinds.index(kind), Inputs=ins, Outputs=outs, **more))
    parts = [offsets(tensors), vector(inputs, np.int32), vector(outputs, np.int32), offsets(nodes)]
    graph = table("SubGraph", **dict(zip(("Tensors", "Inputs", "Outputs", "Operators"), parts, strict=True)))
    code_list, graph_list, buffer_list = offsets(codes), offsets([graph]), offsets(buffers)
    root = table(
        "Model", Version=net.version, OperatorCodes=code_list, Subgraphs=graph_list, Buffers=buffer_list,
        Description=b.CreateString("made by a test"),
    )  # fmt: skip
    b.Finish(root, b"TFL3")
    return bytes(b.Output())
