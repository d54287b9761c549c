"""Kernels as integer codes: exact where they can be, and what a code is stored in."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from microbotnet.integer.kernels import encode
from microbotnet.quant.binary import scaled_binary
from microbotnet.quant.ternary import absmean, one_negative_one, twn
from microbotnet.quant.ttq import ttq
from microbotnet.quant.uniform import uniform

W = torch.randn(6, 4, 3, 3, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("kernel", "bits"),
    [
        (one_negative_one(W, 0.3), 2),
        (twn(W), 2),
        (absmean(W), 2),
        (scaled_binary(W), 1),
        (uniform(W), 8),
        (torch.zeros(3, 2, 1, 1), 2),
        (torch.ones(3, 1, 1, 1), 1),
        (W[:, :1, :1, :1], 1),  # one weight a channel is its sign times a scale
    ],
)
def test_quantized_kernels_come_out_exactly(kernel: torch.Tensor, bits: int) -> None:
    found = encode(kernel.double().numpy())
    assert found.bits == bits
    assert found.codes.dtype == np.int8
    assert np.abs(found.codes).max() <= (127 if bits == 8 else 1)
    made = found.scale[:, None, None, None] * found.codes
    assert np.abs(made - kernel.numpy()).max() <= 1e-6 * max(float(kernel.abs().max()), 1e-9)


@given(st.floats(0.02, 5), st.floats(0.02, 5))
def test_two_scales_are_a_ratio_of_two_codes(positive: float, negative: float) -> None:
    kernel = ttq(W, torch.tensor(positive), torch.tensor(negative), 0.3).double().numpy()
    found = encode(kernel)
    made = found.scale[:, None, None, None] * found.codes
    # half a step of the smaller side's code is the most that can be lost, and a step is at most 1/64 of the larger
    assert np.abs(made - kernel).max() <= max(positive, negative) / 127 * 0.51
    for channel, codes in zip(kernel, found.codes, strict=True):
        assert len(np.unique(codes)) == len(np.unique(channel)) or min(positive, negative) < 0.01 * max(
            positive, negative
        )


def test_a_ratio_that_integers_have_is_exact() -> None:
    kernel = np.array([[-0.3, 0.0, 0.5, 0.5]]).reshape(1, 4, 1, 1)
    found = encode(kernel)
    assert sorted(set(found.codes.reshape(-1).tolist())) == [-75, 0, 125]
    assert np.abs(found.scale[0] * found.codes - kernel).max() < 1e-9


def test_other_kernels_are_rounded_to_8_bits() -> None:
    kernel = W.double().numpy() * np.array([1, 1e-6, 1e6, 1, 0, 1])[:, None, None, None]
    found = encode(kernel)
    assert found.bits == 8
    steps = np.abs(found.codes * found.scale[:, None, None, None] - kernel).max((1, 2, 3))
    largest = np.abs(kernel).max((1, 2, 3))
    assert (steps <= largest / 127 * 0.5001).all()
    assert not found.codes[4].any()
