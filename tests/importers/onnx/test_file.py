"""Bad files are refused in one line that names the place."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from microbotnet.errors import BadInput
from microbotnet.importers.onnx import import_onnx

from .conftest import Make

W = np.ones((4, 3, 3, 3), np.float32)


def refusal(path: Path) -> str:
    with pytest.raises(BadInput) as error:
        import_onnx(path)
    message = str(error.value)
    assert str(path) in message
    assert "\n" not in message
    return message


def conv(make: Make, **changes: Any) -> Path:
    return make([("Conv", "x w", "y")], **({"shape": ("N", 3, 8, 8), "constants": {"w": W}} | changes))


def test_a_missing_file_another_file_and_an_empty_one_are_refused(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "none.onnx")
    for content in (b"", b"not a network", b"PK\x03\x04 a zip"):
        (tmp_path / "bad.onnx").write_bytes(content)
        assert "ONNX" in refusal(tmp_path / "bad.onnx")


def test_a_file_cut_short_anywhere_is_refused(make: Make) -> None:
    path = conv(make)
    whole = path.read_bytes()
    for size in range(1, len(whole) - 1, 7):
        path.write_bytes(whole[:size])
        refusal(path)


def test_a_file_with_a_byte_changed_gives_one_line_or_a_network(make: Make) -> None:
    path = conv(make)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(150):
        broken = bytearray(whole)
        broken[rng.integers(len(whole))] = rng.integers(256)
        path.write_bytes(bytes(broken))
        with suppress(BadInput):  # and nothing else
            import_onnx(path)


def test_a_name_that_is_no_text_is_refused_in_one_line(make: Make) -> None:
    path = conv(make)
    path.write_bytes(path.read_bytes().replace(b"Conv_0", b"Con\nv0"))
    assert "no text" in refusal(path)


def test_a_size_left_open_is_named_and_can_be_given(make: Make) -> None:
    path = conv(make, shape=("N", 3, "h", "w"))
    assert "3×?×?" in refusal(path)
    assert import_onnx(path, (3, 8, 8)).input_shape == (3, 8, 8)


def test_an_operator_without_a_form_is_named_with_a_way_out(make: Make) -> None:
    message = refusal(make([("Relu", "x", "r"), ("ArgMax", "r", "y")], ("N", 3, 8, 8)))
    assert "node ArgMax_1 (ArgMax)" in message
    assert "end the network before it" in message


def test_own_domains_functions_and_control_flow_are_refused(make: Make, tmp_path: Path) -> None:
    path = conv(make)
    model = onnx.load(path)
    model.graph.node[0].domain = "my.own"
    onnx.save(model, path)
    assert "my.own" in refusal(path)
    branch = helper.make_graph([], "b", [], [])
    model.graph.node[0].CopyFrom(helper.make_node("If", ["x"], ["y"], "choice", then_branch=branch, else_branch=branch))
    onnx.save(model, path)
    assert "node choice (If)" in refusal(path)


def test_old_and_future_opsets_are_refused(make: Make) -> None:
    for opset in (7, 26):
        assert f"opset {opset}" in refusal(conv(make, opset=opset))


def external(make: Make, location: str, **more: str) -> Path:
    path = conv(make)
    model = onnx.load(path)
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **more}.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    onnx.save_model(model, path)
    return path


def test_data_beside_the_file_is_read(make: Make, tmp_path: Path) -> None:
    (tmp_path / "net.data").write_bytes(b"xx" + W.tobytes())
    net = import_onnx(external(make, "net.data", offset="2", length=str(W.nbytes)))
    assert all((p == 1).all() for p in net.parameters())


def test_data_outside_the_folder_missing_or_short_is_refused(make: Make, tmp_path: Path) -> None:
    outside = tmp_path.parent / "outside.data"
    outside.write_bytes(W.tobytes())
    assert "outside" in refusal(external(make, "../outside.data"))
    assert "outside" in refusal(external(make, str(outside)))
    (tmp_path / "link.data").symlink_to(outside)
    assert "outside" in refusal(external(make, "link.data"))
    assert "cannot be read" in refusal(external(make, "none.data"))
    (tmp_path / "short.data").write_bytes(b"1234")
    assert "short" in refusal(external(make, "short.data", length=str(W.nbytes)))
    refusal(external(make, "short.data"))


def test_weights_that_are_no_numbers_and_negative_variances_are_refused(make: Make) -> None:
    assert "node Conv_0" in refusal(conv(make, constants={"w": W * np.nan}))
    ones = np.ones(3, np.float32)
    norm = make(
        [("BatchNormalization", "x a b c d", "y")], ("N", 3, 8, 8), {"a": ones, "b": ones, "c": ones, "d": -ones}
    )
    assert "variance" in refusal(norm)


def test_a_file_cannot_ask_for_a_huge_array(make: Make) -> None:
    nodes = [("ConstantOfShape", "s", "c"), ("Add", "x c", "y")]
    assert "elements" in refusal(make(nodes, ("N", 3, 8, 8), {"s": np.array([10**6, 10**6])}))
    assert "too large" in refusal(conv(make, shape=("N", 3, 10**6, 10**6)))


def test_several_inputs_are_refused(make: Make) -> None:
    path = conv(make)
    model = onnx.load(path)
    model.graph.input.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, [1]))
    onnx.save(model, path)
    assert "2 inputs (x, z)" in refusal(path)
