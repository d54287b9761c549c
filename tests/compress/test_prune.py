"""Which weights are pruned, and that they stay so."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from microbotnet import BadInput
from microbotnet.compress.prune import gradual, prune, smallest
from microbotnet.quant import bake


def test_by_hand() -> None:
    weights = {"a": torch.tensor([[0.1, -0.5], [0.3, -0.2]]), "b": torch.tensor([2.0, -0.4, 0.0, 0.25])}
    network = smallest(weights, 0.5)
    assert network["a"].tolist() == [[True, False], [False, True]]
    assert network["b"].tolist() == [False, False, True, True]
    layer = smallest(weights, 0.75, "layer")
    assert layer["a"].tolist() == [[True, False], [True, True]]
    assert layer["b"].tolist() == [False, True, True, True]


@given(st.integers(0, 2**31), st.floats(0, 0.999), st.sampled_from(["network", "layer"]))
def test_share_and_order(seed: int, sparsity: float, per: str) -> None:
    random = torch.Generator().manual_seed(seed)
    weights = {name: torch.randn(size, generator=random) for name, size in (("a", (4, 3, 3)), ("b", (50,)))}
    cut = smallest(weights, sparsity, per)  # type: ignore[arg-type]
    pruned, total = sum(int(mask.sum()) for mask in cut.values()), 86
    assert sparsity * total - 4 < pruned <= sparsity * total  # rounded down in each, and each keeps one
    for name, mask in cut.items():
        assert not mask.all()
        if mask.any():
            assert weights[name][mask].abs().max() <= weights[name][~mask].abs().min()


def test_a_layer_that_would_vanish_keeps_its_largest() -> None:
    cut = smallest({"weak": torch.tensor([1e-9, -3e-9]), "strong": torch.ones(8)}, 0.5)
    assert cut["weak"].tolist() == [True, False]
    assert cut["strong"].sum() == 4


def test_pruned_weights_stay_zero_through_training_and_baking() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8, 4))
    biases = [model[0].bias.clone(), model[3].bias.clone()]  # type: ignore[union-attr, operator]
    prune(model, 0.6)
    zero = [layer.weight == 0 for layer in (model[0], model[3])]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    before = model[0].weight.clone()  # type: ignore[operator]
    for _ in range(5):
        optimizer.zero_grad()
        model(torch.randn(6, 3, 3, 3)).square().sum().backward()
        optimizer.step()
    bake(model)
    assert sum(int(mask.sum()) for mask in zero) == int(0.6 * (8 * 27 + 32))
    for layer, mask, bias in zip((model[0], model[3]), zero, biases, strict=True):
        assert torch.equal(layer.weight == 0, mask)
        assert not torch.signbit(layer.weight[mask]).any()  # +0: −0 would be coded as a value
        assert not torch.equal(layer.bias, bias)
    assert not torch.equal(model[0].weight[~zero[0]], before[~zero[0]])
    assert isinstance(model[0].weight, nn.Parameter)


def test_gradual_sparsity_is_the_papers_cubic() -> None:
    assert gradual(0.8, 1) == [0.8]
    assert gradual(0.8, 4) == pytest.approx([0.8 * (1 - f**3) for f in (0.75, 0.5, 0.25, 0)])
    assert gradual(0.0, 2) == [0, 0]


@pytest.mark.parametrize(
    ("sparsity", "per", "says"), [(1, "layer", "under 1"), (-0.1, "layer", "0"), (0.5, "x", "per")]
)
def test_bad_input(sparsity: float, per: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        smallest({"a": torch.ones(3)}, sparsity, per)  # type: ignore[arg-type]
