#!/usr/bin/env bash
# TFLite Micro: an int8 RELU6 whose output has a scale of its own is not rescaled.
#
# Guess: RELU and RELU6 differ by their upper limit alone, on the microcontroller as in LiteRT.
# Seen:  RELU rescales. RELU6 clips the input's integers and hands them on: with an output of scale 6/255 and zero point -128,
#        as calibration gives it, 1.6 comes out as 16 (3.4) instead of -60, and 0 as 0 (3.0). Nothing is refused.
# With:  ai-edge-litert==2.3.0, flatbuffers==25.12.19, numpy==2.4.6, tflite_micro==0.dev20261023182759 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check ai-edge-litert==2.3.0 flatbuffers==25.12.19 \
    numpy==2.4.6 tflite_micro==0.dev20261023182759
cd "$room"
"$room/venv/bin/python" - 2>messages <<'END' || { cat messages; exit 1; }
import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from tflite_micro import runtime


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


def micro(content, x):
    interpreter = runtime.Interpreter.from_bytes(content)
    interpreter.set_input(x, 0)
    interpreter.invoke()
    return interpreter.get_output(0).astype(int)


x = np.arange(-128, 128, 16).astype(np.int8)[None]
seen = {}
for kind in ("RELU", "RELU6"):
    content = network(kind, (x.shape, 0.1, 0), (x.shape, 6 / 255, -128))
    seen[kind] = litert(content, x), micro(content, x)
    for name, values in zip(("LiteRT", "TFLite Micro"), seen[kind], strict=True):
        print(f"{kind:5} {name:12}", *values[0])
assert (seen["RELU"][0] == seen["RELU"][1]).all()
assert (seen["RELU6"][1] == np.clip(x, 0, 60)).all()
assert abs(seen["RELU6"][0] - seen["RELU6"][1]).max() == 128
END
