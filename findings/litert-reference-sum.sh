#!/usr/bin/env bash
# LiteRT: the reference kernels, by which others are judged, give wrong sums of int8 tensors.
#
# Guess: OpResolverType.BUILTIN_REF is the slow and right one; where it and the fast kernels differ, the fast ones are wrong.
# Seen:  SUM over an int8 tensor, two axes: 74 and 52 by the definition and by the default kernels, -1 and -1 by the
#        reference kernels. Over the last axis they are right only while the sum of the integers stays within 8 bits. int16 alike.
# With:  ai-edge-litert==2.3.0, flatbuffers==25.12.19, numpy==2.4.6 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check ai-edge-litert==2.3.0 flatbuffers==25.12.19 numpy==2.4.6
cd "$room"
"$room/venv/bin/python" - 2>messages <<'END' || { cat messages; exit 1; }
import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType


def network(kind, given, made, *constants):
    """A file of one operator: (shape, scale, zero point) of the int8 input and output, and int32 constants."""
    model, graph, code, operator = schema.ModelT(), schema.SubGraphT(), schema.OperatorCodeT(), schema.OperatorT()
    model.version, model.buffers, graph.tensors = 3, [schema.BufferT()], []
    for name, (shape, scale, zero) in (("x", given), ("y", made)):
        tensor, values = schema.TensorT(), schema.QuantizationParametersT()
        values.scale, values.zeroPoint = [scale], [zero]
        tensor.name, tensor.shape, tensor.type, tensor.quantization = name, shape, schema.TensorType.INT8, values
        graph.tensors.append(tensor)
    for constant in constants:
        tensor, buffer = schema.TensorT(), schema.BufferT()
        tensor.name, tensor.shape, tensor.type = "constant", constant.shape, schema.TensorType.INT32
        tensor.buffer, buffer.data = len(model.buffers), np.frombuffer(constant.astype("<i4").tobytes(), np.uint8)
        graph.tensors.append(tensor)
        model.buffers.append(buffer)
    code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, kind)
    code.version = 1
    operator.inputs, operator.outputs = [0, *range(2, 2 + len(constants))], [1]
    graph.operators, graph.inputs, graph.outputs = [operator], [0], [1]
    model.operatorCodes, model.subgraphs = [code], [graph]
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def litert(content, x, kernels=OpResolverType.AUTO):
    interpreter = Interpreter(model_content=content, experimental_op_resolver_type=kernels)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).astype(int)


random = np.random.default_rng(0)
x = random.integers(-128, 128, (1, 4, 4, 2)).astype(np.int8)
wrong = {}
for axes, shape in (([1, 2], (1, 2)), ([3], (1, 4, 4))):
    content = network("SUM", (x.shape, 0.1, -20), (shape, 0.7, 3), np.array(axes))
    real = (x.astype(float) + 20).sum(tuple(axes)) * np.float32(0.1)
    wanted = np.clip(np.rint(real / np.float32(0.7)) + 3, -128, 127).astype(int)
    fast, reference = litert(content, x), litert(content, x, OpResolverType.BUILTIN_REF)
    for name, values in (("definition", wanted), ("default", fast), ("reference", reference)):
        print(f"SUM over {axes}, {name:10}", *values.ravel()[:8])
    assert abs(fast - wanted).max() <= 1
    wrong[len(axes)] = abs(reference - wanted).max()
print("largest error of the reference kernels:", wrong)
assert min(wrong.values()) > 50
END
