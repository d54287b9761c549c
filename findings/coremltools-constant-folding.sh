#!/usr/bin/env bash
# coremltools: of constants it works out an interleaved `concat` as a plain one, and `scatter_along_axis` as an update, whatever its mode.
#
# Guess: an operator of the MIL builder whose inputs are constants becomes the constant that its documentation says.
# Seen:  `concat(values=[[1, 2, 3], [7, 8, 9]], axis=0, interleave=True)` becomes 1 2 3 7 8 9, not 1 7 2 8 3 9. `scatter_along_axis` of 2 onto 10
#        becomes 2 in the modes add, sub, mul, div, max and min too; "add" is the default. The wrong numbers are what `convert` writes: no
#        operator is left that could still be right on the device. With an input that is not constant, the operators stay. `concat`
#        without interleave, mode "update", `cumsum`, `gather`, `tile`, `band_part`, `floor_div` and `real_div` are right.
# With:  coremltools==9.0, numpy==2.4.6 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check coremltools==9.0 numpy==2.4.6
cd "$room"
"$room/venv/bin/python" -W ignore - 2>"$room/bars" <<'END' || { cat "$room/bars"; exit 1; }
import logging

logging.disable(logging.CRITICAL)
import coremltools
import numpy as np
from coremltools.converters.mil import Builder as mb

print("coremltools", coremltools.__version__)
TARGET = coremltools.target.iOS17


def left_by_convert(program):
    """The operators that a converted model still has."""
    float32 = coremltools.precision.FLOAT32
    model = coremltools.convert(program, convert_to="mlprogram", minimum_deployment_target=TARGET, compute_precision=float32, skip_model_load=True)
    blocks = model.get_spec().mlProgram.functions["main"].block_specializations.values()
    return [operation.type for block in blocks for operation in block.operations if operation.type != "const"]


def folded(operator):
    """The constant that the builder makes of an operator, and the operators that a converted model still has."""
    found = []

    @mb.program(input_specs=[mb.TensorSpec(shape=(1,))], opset_version=TARGET)
    def program(x):
        result = operator()
        found.append(np.array(result.val))
        if result.val.dtype != np.float32:
            result = mb.cast(x=result, dtype="fp32")
        return mb.add(x=x, y=result)

    return found[0], left_by_convert(program)


def left_for_an_input(operator):
    """The operators that a converted model has where an input is not constant."""

    @mb.program(input_specs=[mb.TensorSpec(shape=(3,))], opset_version=TARGET)
    def program(x):
        return operator(x)

    return left_by_convert(program)


a, b = np.array([1, 2, 3], np.float32), np.array([7, 8, 9], np.float32)
data, at, updates = np.array([10, 20, 30], np.float32), np.array([0, 2], np.int32), np.array([2, 40], np.float32)
square = np.arange(9, dtype=np.float32).reshape(3, 3)
cases = {  # name: operator, what numpy gives, whether it is the constant
    "concat, interleaved": (lambda: mb.concat(values=[a, b], axis=0, interleave=True), np.stack([a, b], 1).ravel(), False),
    "concat": (lambda: mb.concat(values=[a, b], axis=0), np.concatenate([a, b]), True),
    "real_div of float32": (lambda: mb.real_div(x=np.float32([-7, 7]), y=np.float32([2, 2])), np.array([-3.5, 3.5]), True),
    "floor_div of int32": (lambda: mb.floor_div(x=np.int32([-7, 7]), y=np.int32([2, 2])), np.array([-4, 3]), True),
    "gather": (lambda: mb.gather(x=data, indices=at, axis=0), data[at], True),
    "cumsum": (lambda: mb.cumsum(x=data, axis=0), np.cumsum(data), True),
    "tile": (lambda: mb.tile(x=data, reps=[2]), np.tile(data, 2), True),
    "band_part": (lambda: mb.band_part(x=square, lower=0, upper=1), np.triu(np.tril(square, 1)), True),
}
by_mode = {"update": None, "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "max": np.maximum, "min": np.minimum}
for mode, function in by_mode.items():
    right = data.copy()
    right[at] = updates if function is None else function(data[at], updates)
    cases[f"scatter_along_axis, {mode}"] = (
        lambda mode=mode: mb.scatter_along_axis(data=data, indices=at, updates=updates, axis=0, mode=mode),
        right,
        function is None,
    )
for name, (operator, right, same) in cases.items():
    seen, left = folded(operator)
    print(f"{name}: {seen.tolist()}, numpy {right.tolist()}")
    assert np.array_equal(seen, right) == same
    assert set(left) <= {"add", "cast"}, left
    if name.startswith("scatter"):
        assert seen.tolist() == [2, 20, 40]
    elif name == "concat, interleaved":
        assert seen.tolist() == [1, 2, 3, 7, 8, 9]

kept = left_for_an_input(lambda x: mb.concat(values=[x, b], axis=0, interleave=True))
kept += left_for_an_input(lambda x: mb.scatter_along_axis(data=x, indices=at, updates=updates, axis=0, mode="add"))
print("with an input that is not constant:", *kept)
assert kept == ["concat", "scatter_along_axis"]
END
