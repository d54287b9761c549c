"""Values and gradients of the quantizers: hand-worked numbers, autograd of the definition, properties."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from microbotnet.errors import BadInput
from microbotnet.nets.binarynet import Sign
from microbotnet.quant.binary import Binary, binary, scaled_binary
from microbotnet.quant.ternary import TWN, Absmean, OneNegativeOne, absmean, one_negative_one, twn
from microbotnet.quant.ttq import TTQ, ttq
from microbotnet.quant.uniform import Uniform, uniform

Function = Callable[[Tensor], Tensor]
TERNARY: dict[str, Function] = {
    "one-negative-one": one_negative_one,
    "one-negative-one of the mean": partial(one_negative_one, threshold=0.7, measure="mean"),
    "twn": twn,
    "absmean": absmean,
}
EVERY: dict[str, Function] = TERNARY | {"binary": binary, "scaled binary": scaled_binary, "uniform": uniform}

kernels = st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=40).map(lambda v: torch.tensor([v]))


def gradient(function: Function, weight: Tensor, upstream: Tensor) -> Tensor:
    weight = weight.clone().requires_grad_()
    function(weight).backward(upstream)
    assert weight.grad is not None
    return weight.grad


# hand-worked: max|W| = 2, mean|W| = 0.8
W = torch.tensor([[-2.0, -0.5, 0.1, 0.4, 1.0]])
G = torch.tensor([[1.0, 2.0, 3.0, 4.0, 5.0]])


def test_one_negative_one_by_hand() -> None:
    assert one_negative_one(W, 0.05).tolist() == [[-1, -1, 0, 1, 1]]  # Δ = 0.1 itself becomes 0
    assert one_negative_one(W, 0.25).tolist() == [[-1, 0, 0, 0, 1]]
    assert one_negative_one(W, 0.7, "mean").tolist() == [[-1, 0, 0, 0, 1]]  # Δ = 0.56


def test_twn_by_hand() -> None:
    assert_close(twn(W), torch.tensor([[-1.5, 0, 0, 0, 1.5]]))  # Δ = 0.56, α = (2 + 1) / 2
    assert_close(twn(W, 0.5), torch.tensor([[-3.5 / 3, -3.5 / 3, 0, 0, 3.5 / 3]]))  # Δ = 0.4, which is not above it


def test_absmean_by_hand() -> None:
    assert_close(absmean(W), torch.tensor([[-0.8, -0.8, 0, 0, 0.8]]))  # W / 0.8 = −2.5, −0.625, 0.125, 0.5, 1.25


def test_binary_by_hand() -> None:
    weight = torch.tensor([[-2.0, -0.5, 0.0, 1.0]])
    assert binary(weight).tolist() == [[-1, -1, 1, 1]]
    assert gradient(binary, weight, G[:, :4]).tolist() == [[0, 2, 3, 4]]
    assert_close(scaled_binary(weight), 0.875 * torch.tensor([[-1.0, -1, 1, 1]]))
    assert torch.equal(gradient(scaled_binary, weight, G[:, :4]), G[:, :4])


def test_activations_and_weights_share_one_sign() -> None:
    assert torch.equal(Sign()(W), binary(W))
    assert torch.equal(gradient(Sign(), W, G), gradient(binary, W, G))


def test_uniform_by_hand() -> None:
    weight = torch.tensor([[-1.27, 0.014, 0.016], [0.0, 0.0, 0.0], [0.3, 0.1, -0.05]])
    wanted = torch.tensor([[-1.27, 0.01, 0.02], [0, 0, 0], [0.3, 42 * 0.3 / 127, -21 * 0.3 / 127]])
    assert_close(uniform(weight), wanted)
    assert torch.equal(gradient(uniform, weight, torch.ones_like(weight)), torch.ones_like(weight))


@pytest.mark.parametrize("name", TERNARY)
def test_the_gradient_passes_straight_through(name: str) -> None:
    assert torch.equal(gradient(TERNARY[name], W, G), G)


def test_ttq_by_hand() -> None:
    weight = W.clone().requires_grad_()
    positive, negative = torch.tensor(3.0, requires_grad=True), torch.tensor(0.5, requires_grad=True)
    quantized = ttq(weight, positive, negative, 0.25)  # Δ = 0.5, which itself becomes 0
    assert quantized.tolist() == [[-0.5, 0, 0, 0, 3]]
    quantized.backward(G)
    assert weight.grad is not None
    assert weight.grad.tolist() == [[0.5, 2, 3, 4, 15]]
    assert positive.grad == 5
    assert negative.grad == -1


def test_ttq_has_the_notes_sign_too() -> None:
    positive, negative = torch.tensor(3.0, requires_grad=True), torch.tensor(0.5, requires_grad=True)
    ttq(W, positive, negative, negative_gradient="notes").backward(G)
    assert positive.grad == 9
    assert negative.grad == 3  # +(1 + 2)


@settings(max_examples=50)
@given(kernels, st.floats(0, 0.9), st.floats(0.1, 10), st.floats(0.1, 10), st.integers(0, 99))
def test_ttq_scales_have_the_gradient_of_the_definition(
    weight: Tensor, threshold: float, p: float, n: float, seed: int
) -> None:
    upstream = torch.randn(weight.shape, generator=torch.Generator().manual_seed(seed))
    scales = [torch.tensor(value, requires_grad=True) for value in (p, n)]
    ours = ttq(weight, *scales, threshold)
    found = torch.autograd.grad(ours, scales, upstream)
    delta = threshold * weight.abs().max()
    defined = scales[0] * (weight > delta).float() - scales[1] * (weight < -delta).float()
    assert torch.equal(ours, defined)
    assert_close(found, torch.autograd.grad(defined, scales, upstream))


@pytest.mark.parametrize("seed", range(3))
def test_before_a_batch_norm_the_notes_sign_only_moves_what_the_norm_divides_out(seed: int) -> None:
    """While w_p = w_n, both scales go the same way by the notes' sign, and opposite ways by the derivative's."""
    torch.manual_seed(seed)
    norm = torch.nn.BatchNorm2d(8, eps=1e-12, dtype=torch.float64)
    weight, pictures = torch.randn(8, 4, 3, 3, dtype=torch.float64), torch.randn(5, 4, 6, 6, dtype=torch.float64)
    upstream = torch.randn(5, 8, 4, 4, dtype=torch.float64)
    for sign, ratio in (("notes", 1.0), ("derivative", -1.0)):
        p, n = (torch.tensor(0.7, dtype=torch.float64, requires_grad=True) for _ in range(2))
        kernel = ttq(weight, p, n, 0.3, negative_gradient=sign)  # type: ignore[arg-type]
        norm(torch.nn.functional.conv2d(pictures, kernel)).backward(upstream)
        assert p.grad is not None
        assert n.grad is not None
        assert abs(p.grad) > 1e-3
        assert_close(n.grad, ratio * p.grad)


def test_ttq_scales_never_turn_signs() -> None:
    module = TTQ(0.25)  # Δ = 0.5
    module.right_inverse(W)
    with torch.no_grad():
        module.positive.fill_(-3)
        module.negative.fill_(0.25)
    assert module(W).tolist() == [[-0.5, 0, 0, 0, 0.5]]
    module(W).backward(G)
    assert module.positive.grad == 0  # 5 would lower it further
    assert module.negative.grad == -1  # raises it
    module.zero_grad()
    module(W).backward(-G)
    assert module.positive.grad == -5
    assert module.negative.grad == 0


def test_ttq_scales_start_at_the_mean_or_at_one() -> None:
    mean, one = TTQ(0.25), TTQ(0.25, start="one")
    for module in mean, one:
        assert module.right_inverse(W) is W
    assert (mean.positive.item(), mean.negative.item()) == (1.0, 2.0)
    assert (one.positive.item(), one.negative.item()) == (1.0, 1.0)
    mean.right_inverse(W.abs())  # no negative side: begins like the positive one
    assert mean.negative.item() == mean.positive.item() == 1.5
    mean.right_inverse(torch.zeros(3, 3))
    assert mean.negative.item() == mean.positive.item() == 1.0


@pytest.mark.parametrize("name", TERNARY)
@settings(max_examples=60)
@given(weight=kernels)
def test_ternary_values_keep_their_signs_and_order(name: str, weight: Tensor) -> None:
    quantized = TERNARY[name](weight)
    assert quantized.shape == weight.shape
    assert len(quantized.abs().unique().tolist()) <= 2  # 0 and one magnitude
    assert torch.all(quantized * weight >= 0)  # no sign is turned
    order = weight[0].argsort()
    assert torch.all(quantized[0][order].diff() >= 0)  # larger weights never give smaller values
    if name.startswith("one"):
        assert set(quantized.unique().tolist()) <= {-1.0, 0.0, 1.0}


@pytest.mark.parametrize("name", EVERY)
@settings(max_examples=40)
@given(weight=kernels, exponent=st.integers(-8, 8))
def test_a_scaled_kernel_gives_scaled_values(name: str, weight: Tensor, exponent: int) -> None:
    weight = weight.where(weight.abs() > 1e-20, 0)
    factor = 2.0**exponent  # exact in floating point
    unscaled = {"one-negative-one", "one-negative-one of the mean", "binary"}
    wanted = EVERY[name](weight) * (1.0 if name in unscaled else factor)
    assert torch.equal(EVERY[name](weight * factor), wanted)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("value", [0.0, -0.0, 0.3, -7.0, 1e-38, 1e-44])
def test_constant_kernels_are_finite(name: str, value: float) -> None:
    weight = torch.full((2, 3, 3, 3), value)
    quantized = EVERY[name](weight)
    assert torch.isfinite(quantized).all()
    assert len(quantized.unique()) == 1
    if value == 0 and name != "binary" and name != "scaled binary":
        assert not quantized.any()
    if value in (0.3, -7.0) and name in ("twn", "absmean", "scaled binary", "uniform"):
        assert_close(quantized, weight)  # a constant is its own least-squares scale


@settings(max_examples=60)
@given(kernels)
def test_twn_and_scaled_binary_have_the_scale_of_least_squares(weight: Tensor) -> None:
    for function in (twn, scaled_binary):
        quantized = function(weight)
        direction = quantized.sign()
        if direction.any():
            alpha = (weight * direction).sum() / direction.abs().sum()
            assert_close(quantized, alpha * direction, rtol=1e-4, atol=1e-6)


@settings(max_examples=60)
@given(kernels, st.integers(2, 8))
def test_uniform_is_within_half_a_step(weight: Tensor, bits: int) -> None:
    quantized = uniform(weight, bits)
    step = weight.abs().max() / (2 ** (bits - 1) - 1)
    assert torch.all((quantized - weight).abs() <= step / 2 * 1.001 + 1e-37)
    assert len(quantized.unique()) <= 2**bits - 1


@settings(max_examples=40)
@given(kernels, st.floats(0, 0.9), st.floats(0, 0.9))
def test_a_higher_threshold_never_keeps_more(weight: Tensor, one: float, other: float) -> None:
    low, high = sorted((one, other))
    kept = one_negative_one(weight, low).count_nonzero(), one_negative_one(weight, high).count_nonzero()
    assert kept[0] >= kept[1]


def test_modules_do_what_their_functions_do() -> None:
    pairs = [
        (OneNegativeOne(0.25), one_negative_one(W, 0.25)),
        (OneNegativeOne(0.7, "mean"), one_negative_one(W, 0.7, "mean")),
        (OneNegativeOne(0.05, scaled=True), twn(W, 0.05, "max")),
        (TWN(0.5), twn(W, 0.5)),
        (Absmean(), absmean(W)),
        (Binary(), binary(W)),
        (Binary(scaled=True), scaled_binary(W)),
        (Uniform(4), uniform(W, 4)),
    ]
    for module, wanted in pairs:
        assert torch.equal(module(W), wanted)


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (lambda: TTQ(1.0), "threshold"),
        (lambda: OneNegativeOne(-0.1), "threshold"),
        (lambda: TWN(float("nan")), "threshold"),
        (lambda: OneNegativeOne(0.1, "median"), "median"),  # type: ignore[arg-type]
        (lambda: TTQ(start="two"), "start"),  # type: ignore[arg-type]
        (lambda: TTQ(negative_gradient="plus"), "negative_gradient"),  # type: ignore[arg-type]
        (lambda: Uniform(1), "bits"),
    ],
)
def test_arguments_out_of_range_are_named(make: Callable[[], object], names: str) -> None:
    with pytest.raises(BadInput, match=names):
        make()
