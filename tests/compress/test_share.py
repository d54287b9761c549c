"""k-means and shared weights, against definitions and autograd."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from microbotnet import BadInput
from microbotnet.compress.share import Shared, k_means, share
from microbotnet.quant import bake


def test_k_means_by_hand() -> None:
    centroids, index = k_means(np.array([1.0, 9.0, 2.0, 8.5, 1.5], np.float32), 2)
    assert centroids.tolist() == [1.5, 8.75]
    assert index.tolist() == [0, 1, 0, 1, 0]


def test_it_begins_evenly_spaced_and_drops_what_stays_empty() -> None:
    centroids, index = k_means(np.array([0.0, 0.1, 0.2, 10.0]), 3)  # 0, 5 and 10: none is nearest to 5
    assert centroids == pytest.approx([0.1, 10.0])
    assert index.tolist() == [0, 0, 0, 1]


@given(
    st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=200),
    st.integers(1, 20),
)
def test_it_ends_where_lloyd_ends(values: list[float], clusters: int) -> None:
    array = np.array(values, np.float32)
    centroids, index = k_means(array, clusters)
    assert 1 <= len(centroids) <= clusters
    assert (np.diff(centroids) > 0).all()
    distances = np.abs(array[:, None].astype(np.float64) - centroids)
    assert distances[np.arange(len(array)), index] == pytest.approx(distances.min(1), abs=1e-5)  # each its nearest
    for cluster, centroid in enumerate(centroids):  # each the mean of its own
        assert array[index == cluster].mean(dtype=np.float64) == pytest.approx(centroid, abs=1e-5)
    if len(np.unique(array)) <= clusters:
        assert centroids[index].astype(np.float32).tolist() == array.tolist()


def test_a_centroids_gradient_is_the_sum_over_its_weights() -> None:
    """Equation 3 of the paper, and its figure 3: gradients are added up by cluster."""
    torch.manual_seed(0)
    weight = torch.randn(6, 5, 3, 3)
    weight[weight.abs() < 0.3] = 0
    layer = nn.Conv2d(5, 6, 3, bias=False)
    with torch.no_grad():
        layer.weight.copy_(weight)
    model = nn.Sequential(layer)
    share(model, 3)
    parametrization = layer.parametrizations.weight  # type: ignore[union-attr]
    codebook, index = parametrization.original, parametrization[0].index  # type: ignore[union-attr, index]
    assert codebook.shape == (8,)
    assert torch.equal(layer.weight == 0, weight == 0)
    gradient = torch.randn(weight.shape)
    layer.weight.backward(gradient)
    for cluster in range(8):
        expected = sum(g for g, i in zip(gradient.flatten(), index.flatten(), strict=True) if i == cluster + 1)
        assert codebook.grad[cluster] == pytest.approx(float(expected), abs=1e-4)


def test_only_the_codebook_is_trained_and_baked() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(20, 10), nn.BatchNorm1d(10))
    share(model, 2)
    assert {name: tuple(p.shape) for name, p in model.named_parameters()} == {
        "0.bias": (10,),
        "0.parametrizations.weight.original": (4,),
        "1.weight": (10,),
        "1.bias": (10,),
    }
    copied = copy.deepcopy(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    model(torch.randn(8, 20)).square().sum().backward()
    optimizer.step()
    trained = model[0].weight.detach().clone()  # type: ignore[operator]
    assert len(trained.unique()) == 4
    assert not torch.equal(trained, copied[0].weight)
    copied.load_state_dict(model.state_dict())
    assert torch.equal(copied[0].weight, trained)
    bake(model)
    assert torch.equal(model[0].weight, trained)
    assert set(model.state_dict()) == set(nn.Sequential(nn.Linear(20, 10), nn.BatchNorm1d(10)).state_dict())


def test_a_kernel_of_zeros_and_a_ternary_one_stay_as_they_are() -> None:
    zeros, ternary = torch.zeros(4, 4), torch.tensor([[-0.5, 0.0, 0.25, 0.25]])
    for weight in (zeros, ternary):
        shared = Shared(weight, 32)
        assert torch.equal(shared(shared.right_inverse(weight)), weight)


def test_bad_input() -> None:
    model = nn.Sequential(nn.Linear(4, 4))
    for bits in (0, 9):
        with pytest.raises(BadInput, match="bits must be from 1 to 8"):
            share(model, bits)
    model[0].weight.data[0, 0] = torch.nan  # type: ignore[union-attr, index]
    with pytest.raises(BadInput, match="layer 0: its weight holds NaN"):
        share(model, 4)
