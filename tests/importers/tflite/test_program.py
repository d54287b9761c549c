from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("tflite")
micro_runtime = pytest.importorskip("tflite_micro")

from microbotnet.errors import BadInput  # noqa: E402
from microbotnet.importers.tflite import import_tflite  # noqa: E402
from microbotnet.integer import interpreter  # noqa: E402
from microbotnet.integer.program import Program  # noqa: E402

from .networks import NETWORKS, SAME, conv, linear, pool, unary  # noqa: E402, unary
from .written import Net, micro  # noqa: E402

UNDEFINED = {"relu n1 to 1", "dilated by blocks"}  # TensorFlow Lite Micro lacks it, or pads with what memory holds
REFUSED = {"resize with corners": "more than one step"}


def imported(net: Net, folder: Path, outputs: list[int] | None = None, **options: Any) -> Program:
    path = folder / "net.tflite"
    path.write_bytes(net.content(outputs))
    made = import_tflite(path, **options)
    assert made.exact, [layer for layer in made.layers if not layer.exact]
    return made.program


def values(program: Program, inputs: NDArray[np.int8]) -> list[NDArray[Any]]:
    """The outputs, (N, elements) in the file's order."""
    given = program.tensors[program.input]
    channels, rows, columns = given.shape
    x = inputs.reshape(len(inputs), rows, columns, channels).transpose(0, 3, 1, 2)
    x = (x.astype(np.int16) + 128).astype(np.uint8) if given.dtype == "uint8" else x
    found = interpreter.run_all(program, np.ascontiguousarray(x))
    return [found[name].transpose(0, 2, 3, 1).reshape(len(x), -1) for name in program.outputs]


def some(net: Net, count: int = 24) -> NDArray[np.int8]:
    """Inputs: noise, the lowest and the highest."""
    x = net.rng.integers(-128, 128, (count, *net.tensors[0]["shape"][1:])).astype(np.int8)
    x[0], x[1] = -128, 127
    return x


@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in {*UNDEFINED, *REFUSED}])
def test_every_output_is_that_of_tensorflow_lite_micro(name: str, tmp_path: Path) -> None:
    for seed in range(3):
        net = Net(seed)
        NETWORKS[name](net)
        x = some(net)
        (made,), (wanted,) = values(imported(net, tmp_path), x), micro(net.content(), x)
        assert np.array_equal(made, wanted.reshape(len(x), -1)), f"seed {seed}"


@pytest.mark.parametrize(("kind", "least", "most"), [("RELU6", 0, 6), ("RELU_N1_TO_1", -1, 1), ("RELU", 0, np.inf)])
def test_an_activation_of_another_scale_is_rescaled(kind: str, least: float, most: float, tmp_path: Path) -> None:
    net = Net()
    unary(kind)(net)
    x, y = net.tensors
    given = some(net)
    real = (given - np.float64(x["zeros"][0])) * x["scales"][0]
    wanted = np.rint(np.clip(real, least, most) / y["scales"][0]) + y["zeros"][0]
    (made,) = values(imported(net, tmp_path), given)
    assert x["scales"] != y["scales"]
    assert np.abs(made - np.clip(wanted, -128, 127).reshape(made.shape)).max() <= 1  # a limit is rounded first


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_form_is_refused_by_name(name: str, tmp_path: Path) -> None:
    net = Net()
    NETWORKS[name](net)
    with pytest.raises(BadInput, match=REFUSED[name]):
        imported(net, tmp_path)


def test_a_dilated_convolution_by_blocks_is_that_of_a_dilated_one(tmp_path: Path) -> None:
    blocks, plain = Net(3), Net(3)
    NETWORKS["dilated by blocks"](blocks)
    x = some(blocks)
    kernel, bias, made = (blocks.tensors[i] for i in (*blocks.nodes[1][1][1:], blocks.nodes[2][2][0]))
    plain.tensors.append(blocks.tensors[0])
    read = [0]
    for t in (kernel, bias):
        plain.tensors.append(t)
        read.append(len(plain.tensors) - 1)
    plain.tensors.append(made)
    options = {"Padding": SAME, "StrideH": 1, "StrideW": 1, "DilationHFactor": 2, "DilationWFactor": 2}
    plain.node("CONV_2D", read, [3], "Conv2DOptions", **options, FusedActivationFunction=0)
    (made_by_blocks,), (wanted,) = values(imported(blocks, tmp_path), x), micro(plain.content(), x)
    assert np.array_equal(made_by_blocks, wanted.reshape(len(x), -1))


def test_a_residual_network_is_that_of_tensorflow_lite_micro_at_every_output(tmp_path: Path) -> None:
    net = Net(7)
    x = conv(net, net.value(1, 12, 12, 3), 8, StrideH=2, StrideW=2, FusedActivationFunction=3)
    y = conv(net, conv(net, x, 8, FusedActivationFunction=1), 8)
    z = net.node("ADD", [x, y], [net.value(1, 6, 6, 8, zero=-128)], "AddOptions", FusedActivationFunction=1)
    small = pool(net, z, "AVERAGE_POOL_2D", (6, 6), (1, 1), 1, 0)
    flat = net.node("RESHAPE", [small, net.numbers(1, 8)], [net.like(small, 1, 8)], "ReshapeOptions")
    scores = linear(net, flat, 5)
    last = net.node("SOFTMAX", [scores], [net.value(1, 5, scale=1 / 256, zero=-128)], "SoftmaxOptions", Beta=1.0)
    inputs = some(net, 200)
    outputs = [last, z, scores]
    made = values(imported(net, tmp_path, outputs), inputs)
    for one, wanted in zip(made, micro(net.content(outputs), inputs, 3), strict=True):
        assert np.array_equal(one, wanted.reshape(len(inputs), -1))


@pytest.mark.parametrize(
    ("scale", "zero", "channels", "pixels"),
    [(1.0, -128, 3, True), (1 / 255, -128, 1, True), (2 / 255, -1, 3, True), (1 / 128, 0, 3, True),
     (0.58, 83, 1, False), (1 / 255, -128, 4, False), (1.0, 0, 3, False)],
)  # fmt: skip
def test_what_an_input_stands_for_says_whether_it_is_a_picture(
    scale: float, zero: int, channels: int, pixels: bool, tmp_path: Path
) -> None:
    net = Net()
    conv(net, net.value(1, 5, 4, channels, scale=scale, zero=zero), 3)
    program = imported(net, tmp_path)
    assert program.tensors[program.input].dtype == ("uint8" if pixels else "int8")
    for said in (True, False):
        program = imported(net, tmp_path, pixels=said)
        assert program.tensors[program.input].dtype == ("uint8" if said else "int8")


def test_float_at_the_ends_is_left_to_the_caller(tmp_path: Path) -> None:
    net = Net()
    real = net.value(1, 5, 4, 3, scale=False, dtype=np.float32)
    x = net.node("QUANTIZE", [real], [net.value(1, 5, 4, 3, scale=0.3, zero=7)])
    y = conv(net, x, 2)
    net.node("DEQUANTIZE", [y], [net.value(1, 5, 4, 2, scale=False, dtype=np.float32)])
    program = imported(net, tmp_path)
    given, made = program.tensors[program.input], program.tensors[program.outputs[0]]
    t = net.tensors[y]
    assert (given.scale, given.zero_point) == (pytest.approx(0.3), 7)
    assert (made.scale, made.zero_point) == (pytest.approx(t["scales"][0]), t["zeros"][0])


def test_bytes_at_the_ends_become_pixels_and_int8(tmp_path: Path) -> None:
    net = Net()
    given = net.value(1, 5, 4, 3, scale=1 / 255, zero=0, dtype=np.uint8)
    x = net.node("QUANTIZE", [given], [net.value(1, 5, 4, 3, scale=1 / 255, zero=-128)])
    y = conv(net, x, 2)
    t = net.tensors[y]
    out = net.value(1, 5, 4, 2, scale=t["scales"], zero=[t["zeros"][0] + 128], dtype=np.uint8)
    net.node("QUANTIZE", [y], [out])
    program = imported(net, tmp_path)
    pictures = net.rng.integers(0, 256, (20, 5, 4, 3)).astype(np.uint8)
    made = interpreter.run(program, np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)))
    (wanted,) = micro(net.content(), pictures)
    assert np.array_equal(made.transpose(0, 2, 3, 1).astype(np.int16) + 128, wanted)


def test_a_free_batch_is_one_picture(tmp_path: Path) -> None:
    net = Net()
    x = net.value(1, 5, 4, 3, signature=[-1, 5, 4, 3])
    conv(net, x, 2)
    assert imported(net, tmp_path).result.shape == (2, 5, 4)


def test_the_arithmetic_of_shapes_is_not_needed(tmp_path: Path) -> None:
    net = Net()
    x = conv(net, net.value(1, 5, 4, 3), 2)
    shape = net.node("SHAPE", [x], [net.value(4, scale=False, dtype=np.int32)], "ShapeOptions", OutType=2)
    flat = net.node("RESHAPE", [x, shape], [net.like(x, 1, 40)], "ReshapeOptions")
    linear(net, flat, 3)
    assert imported(net, tmp_path).result.shape == (3, 1, 1)


def test_labels_and_names_are_kept(tmp_path: Path) -> None:
    net = Net()
    linear(net, net.value(1, 12), 3)
    program = imported(net, tmp_path, labels=("a", "b", "c"), name="letters")
    assert program.labels == ("a", "b", "c")
    assert program.source["network"] == "letters"
    with pytest.raises(BadInput, match="2 labels for 3 classes"):
        imported(net, tmp_path, labels=("a", "b"))


@pytest.mark.parametrize("name", ["pretrainedResnet_quant", "kws_ref_model"])
def test_published_networks_are_those_of_tensorflow_lite_micro(name: str, shared: Path) -> None:
    path = shared / "models" / f"{name}.tflite"
    if not path.is_file():
        pytest.skip("the published files are not there")
    made = import_tflite(path)
    assert made.exact
    program = made.program
    channels, rows, columns = program.tensors[program.input].shape
    x = np.random.default_rng(0).integers(-128, 128, (20, rows, columns, channels)).astype(np.int8)
    assert np.array_equal(values(program, x)[0], micro(path.read_bytes(), x)[0])
