"""The ONNX model computes what the interpreter says, to the last bit, in onnxruntime and in onnx's own evaluator."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="onnx of the extra onnx is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

from microbotnet.backends.onnx import OnnxGraph, to_onnx  # noqa: E402
from microbotnet.errors import BadInput  # noqa: E402
from microbotnet.integer.interpreter import handed_on, run, run_all  # noqa: E402
from microbotnet.integer.operators import Convolve, Lookup  # noqa: E402
from microbotnet.integer.program import Program, Requantize, Tensor  # noqa: E402
from microbotnet.integer.samples import random_network, random_pictures, random_program  # noqa: E402
from microbotnet.sources import open_program  # noqa: E402


def session(model: Any) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("seeds", [range(30), range(30, 60)])
def test_onnxruntime_equals_the_interpreter(seeds: range) -> None:
    for seed in seeds:
        program = random_program(seed)
        model = to_onnx(program)
        onnx.checker.check_model(model, full_check=True)
        pictures = random_pictures(program, 5)
        (scores,) = session(model).run(None, {"picture": pictures})
        assert scores.dtype == np.int16
        np.testing.assert_array_equal(scores, run(program, pictures), f"program {seed}")


@pytest.mark.parametrize("seeds", [range(40)])
def test_any_operators_inputs_and_outputs_equal_the_interpreters(seeds: range) -> None:
    for seed in seeds:
        program = random_network(seed)
        model = to_onnx(program)
        onnx.checker.check_model(model, full_check=True)
        pictures = random_pictures(program, 3)
        values = run_all(program, pictures)
        found = session(model).run(None, {model.graph.input[0].name: pictures})
        for name, made in zip(program.outputs, found, strict=True):
            assert made.dtype == program.tensors[name].dtype
            np.testing.assert_array_equal(made, handed_on(program, values, name), f"{seed} {name}")


@pytest.mark.parametrize("seed", range(0, 40, 2))
def test_two_bits_and_plain_models_give_the_same(seed: int) -> None:
    for program in (random_program(seed), random_network(seed)):
        pictures = random_pictures(program, 3)
        values = run_all(program, pictures)
        for opset, plain in ((25, False), (13, True), (25, True)):
            model = to_onnx(program, opset, plain=plain)
            onnx.checker.check_model(model, full_check=True)
            x = model.graph.input[0].name
            found = session(model).run(None, {x: pictures.astype(np.float32) if plain else pictures})
            for name, made in zip(program.outputs, found, strict=True):
                assert made.dtype == (np.float32 if plain else program.tensors[name].dtype)
                np.testing.assert_array_equal(made, handed_on(program, values, name), f"{seed} {name} {opset} {plain}")


def test_ternary_kernels_take_two_bits() -> None:
    program = open_program("microbotnet-0.32-one-negative-one-pointwise")
    kernels = {o.name: o.weights.size for o in program.operators if isinstance(o, Convolve) and o.bits == 2}
    kept = {
        t.name: len(t.raw_data) for t in to_onnx(program, 25).graph.initializer if t.data_type == onnx.TensorProto.INT2
    }
    for name, size in kernels.items():
        assert kept[f"{name}.weight"] == -(-size // 4)
    sizes = [len(to_onnx(program, opset).SerializeToString()) for opset in (13, 25)]
    assert sizes[1] < sizes[0] - sum(kernels.values()) * 0.7


def test_a_plain_model_has_no_operator_of_integers() -> None:
    program = open_program("microbotnet-0.32-one-negative-one-pointwise")
    kinds = {node.op_type for node in to_onnx(program, plain=True).graph.node}
    assert kinds == {"Add", "Cast", "Clip", "Conv", "Floor", "Gather", "Mul", "Squeeze", "Sub"}


def test_sums_of_more_than_24_bits_are_split_in_a_plain_model() -> None:
    program = open_program("squeezenet-cifar")
    pictures = random_pictures(program, 2)
    model = to_onnx(program, plain=True)
    (scores,) = session(model).run(None, {"picture": pictures.astype(np.float32)})
    np.testing.assert_array_equal(scores, run(program, pictures))


def test_nodes_and_constants_are_named_after_the_networks_layers() -> None:
    program = open_program("grain-s-ternary")
    graph = to_onnx(program).graph
    layers = {operator.name for operator in program.operators}
    assert {node.name.split("/")[0] for node in graph.node} - {"scores"} == layers
    assert {f"{o.name}.weight" for o in program.operators if isinstance(o, Convolve)} <= {
        t.name for t in graph.initializer
    }


def test_another_opset_is_refused() -> None:
    with pytest.raises(BadInput, match="opset 17 is not written; there are 13 and 25"):
        to_onnx(random_program(0), 17)


@pytest.mark.parametrize("seed", [2, 14, 17])
def test_onnx_says_the_same_by_its_own_words(seed: int) -> None:
    from onnx.reference import ReferenceEvaluator

    program = random_program(seed, size=(5, 4))
    pictures = random_pictures(program, 2)
    (scores,) = ReferenceEvaluator(to_onnx(program)).run(None, {"picture": pictures})
    np.testing.assert_array_equal(scores, run(program, pictures))


def test_every_tensor_inside_is_the_programs() -> None:
    program = random_program(8)
    model = to_onnx(program)
    inside = [name for name, tensor in program.tensors.items() if tensor.dtype == "int8"]
    for name in inside:
        shape = ["N", *program.tensors[name].shape]
        model.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.UINT8, shape))
    pictures = random_pictures(program, 3)
    wanted = run_all(program, pictures)
    assert len(inside) > 6
    for name, values in zip(inside, session(model).run(inside, {"picture": pictures}), strict=True):
        np.testing.assert_array_equal(values.astype(int) - OnnxGraph.SHIFT, wanted[name], name)


@pytest.mark.parametrize(
    "name", ["microbotnet-0.32", "microbotnet-0.32-one-negative-one-pointwise", "squeezenet-cifar"]
)
def test_what_is_shipped_gives_the_same_scores(name: str) -> None:
    program = open_program(name)
    model = to_onnx(program)
    pictures = random_pictures(program, 4)
    (scores,) = session(model).run(None, {"picture": pictures})
    np.testing.assert_array_equal(scores, run(program, pictures))
    told = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(told["labels"]) == list(program.labels)
    assert float(told["score_scale"]) == program.result.scale


def single(how: Requantize, weights: list[int], dtype: str = "int16") -> Program:
    """One pixel of one channel, looked up unchanged, times each weight."""
    shapes = {"picture": ("uint8", 1, 0, 255), "x": ("int8", 1, -128, 127), "y": (dtype, len(weights), -128, 127)}
    tensors = {name: Tensor(name, (n, 1, 1), kind, 1.0, 0, a, b) for name, (kind, n, a, b) in shapes.items()}
    table = np.arange(-128, 128).astype(np.int8)[None]
    kernel = np.array(weights, np.int8)[:, None, None, None]
    operators = (
        Lookup("look", "picture", "x", table),
        Convolve("multiply", "x", "y", kernel, 8, (1, 1), (0, 0), 1, how),
    )
    return Program(tensors, operators, "picture", ("y",))


def test_shifts_round_towards_minus_infinity_by_hand() -> None:
    # (((acc·m) >> 1) + 0) >> 2 of m = 3 and acc = 1·x, −5·x
    three = Requantize(np.full(2, 3, np.int32), np.zeros(2, np.int32), 1, 2, -128, 127)
    pictures = np.array([128 + 7, 128 - 7], np.uint8).reshape(2, 1, 1, 1)
    (scores,) = session(to_onnx(single(three, [1, -5]))).run(None, {"picture": pictures})
    assert scores.tolist() == [[2, -14], [-3, 13]]  # 21 >> 1 = 10, >> 2 = 2; −105 >> 1 = −53, >> 2 = −14; …


@pytest.mark.parametrize(("bits", "p", "s"), [(16, 0, 20), (24, 1, 20), (24, 7, 24), (16, 15, 8), (0, 31, 0)])
def test_the_longest_products_are_exact(bits: int, p: int, s: int) -> None:
    multiplier = np.array([2**bits - 1, -(2**bits - 1)], np.int32)
    offset = np.array([3, 2**30 >> min(p, 8)], np.int32)
    program = single(Requantize(multiplier, offset, p, s, -(2**15), 2**15 - 1), [1 if bits > 20 else 127, 1])
    pictures = np.arange(256, dtype=np.uint8).reshape(256, 1, 1, 1)
    (scores,) = session(to_onnx(program)).run(None, {"picture": pictures})
    np.testing.assert_array_equal(scores, run(program, pictures))


def test_a_lookup_as_the_scores_is_refused_by_name() -> None:
    how = Requantize(np.ones(1, np.int32), np.zeros(1, np.int32), 0, 0, -128, 127)
    program = single(how, [1])
    tensors = program.tensors | {"x": replace(program.tensors["x"], dtype="int16")}
    with pytest.raises(BadInput, match="look: cannot give the scores"):
        to_onnx(Program(tensors, program.operators[:1], "picture", ("x",)))
