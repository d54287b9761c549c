"""A file from PyTorch's exporter comes back as a network that can do all that one of ours can."""

import io
import warnings
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from microbotnet import create_model, quantize
from microbotnet.cost.macs import count_macs
from microbotnet.errors import BadInput
from microbotnet.graph.trace import trace
from microbotnet.importers.onnx import import_onnx
from microbotnet.integer.lower import lower
from microbotnet.quant.activations import quantize_activations
from microbotnet.quant.calibration import calibrate


def exported(net: nn.Module, path: Path, *, opset: int = 17, folded: bool = True) -> Path:
    buffer = io.BytesIO()
    mode = torch.onnx.TrainingMode.EVAL if folded else torch.onnx.TrainingMode.PRESERVE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net.eval(), (torch.randn(1, 3, 32, 32),), buffer, dynamo=False, opset_version=opset, training=mode,
            do_constant_folding=folded, input_names=["x"], dynamic_axes={"x": {0: "N"}},
        )  # fmt: skip
    path.write_bytes(buffer.getvalue())
    return path


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    net = create_model("microbotnet").eval()
    return net, import_onnx(exported(net, tmp_path_factory.mktemp("onnx") / "net.onnx", folded=False))


def test_it_computes_the_same(pair: tuple[nn.Module, nn.Module]) -> None:
    net, found = pair
    x = torch.randn(3, 3, 32, 32)
    torch.testing.assert_close(found(x), net(x), atol=1e-5, rtol=1e-5)


def test_its_weights_have_the_names_they_had(pair: tuple[nn.Module, nn.Module]) -> None:
    net, found = pair
    kept = {name: value for name, value in net.state_dict().items() if not name.endswith("num_batches_tracked")}
    assert kept.keys() <= found.state_dict().keys()
    for name, value in kept.items():
        assert torch.equal(found.state_dict()[name], value)


def test_it_costs_the_same(pair: tuple[nn.Module, nn.Module]) -> None:
    net, found = pair
    assert count_macs(trace(found)) == count_macs(trace(net))


def test_its_norms_fold_into_its_convolutions_where_the_exporter_does_so(tmp_path: Path) -> None:
    net = create_model("resnet8")
    found = import_onnx(exported(net, tmp_path / "net.onnx", opset=13))
    assert "batch_norm" not in {node.kind for node in trace(found)}
    assert sorted(n for n, m in found.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)) == sorted(
        n for n, m in net.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)
    )


def test_it_is_made_ternary_and_trained(pair: tuple[nn.Module, nn.Module]) -> None:
    _, found = pair
    quantize(found, "all", "ttq")
    found.train()
    found(torch.randn(4, 3, 32, 32)).square().sum().backward()
    assert all(p.grad is not None for p in found.parameters())


def test_it_is_calibrated_and_lowered(tmp_path: Path) -> None:
    net = create_model("resnet8")
    found = import_onnx(exported(net, tmp_path / "net.onnx"))
    quantize_activations(found)
    calibrate(found, [torch.randn(8, 3, 32, 32)])
    program = lower(found, (0.5,) * 3, (0.25,) * 3)
    assert any("features.3.conv.0" in operator.name for operator in program.operators)


def test_what_has_no_integer_form_is_named_with_the_files_node(tmp_path: Path) -> None:
    class Net(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.matmul(x, x.transpose(2, 3)).mean((2, 3))

    found = import_onnx(exported(Net(), tmp_path / "net.onnx"))
    quantize_activations(found)
    calibrate(found, [torch.randn(8, 3, 32, 32)])
    with pytest.raises(BadInput, match=r"net\.onnx: node /\w+ \(\w+\)"):
        lower(found, (0.5,) * 3, (0.25,) * 3)
