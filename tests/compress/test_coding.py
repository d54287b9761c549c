"""Tensors come back bit for bit, in the shortest way."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hn

from microbotnet import BadInput
from microbotnet.compress.coding import fixed_width_bytes, pack, unpack

FEW = st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.25, 1e-30, math.inf, math.nan])
SHAPES = hn.array_shapes(min_dims=0, max_dims=4, max_side=12)


def _comes_back(values: np.ndarray) -> str:  # type: ignore[type-arg]
    coded = pack(values)
    again = unpack(coded.how, list(coded.parts), values.shape)
    assert again.dtype == values.dtype
    assert again.shape == values.shape
    assert again.tobytes() == values.tobytes()
    return str(coded.how["way"])


@given(hn.arrays(np.float32, SHAPES, elements=st.one_of(FEW, st.floats(width=32))))
def test_any_floats(values: np.ndarray) -> None:  # type: ignore[type-arg]
    _comes_back(values)


@given(hn.arrays(np.float32, SHAPES, elements=FEW, fill=st.just(0.0)))
def test_sparse_and_dense_few_valued_ones(values: np.ndarray) -> None:  # type: ignore[type-arg]
    _comes_back(values)


@pytest.mark.parametrize("dtype", [np.int64, np.float64, np.bool_, np.float16])
def test_other_types(dtype: type) -> None:
    assert _comes_back(np.array([[0, 1, 5]]).astype(dtype)) == "plain"


def test_the_shortest_way_is_taken() -> None:
    random = np.random.default_rng(0)
    assert _comes_back(random.normal(size=2000).astype(np.float32)) == "plain"
    assert _comes_back(random.choice([-1, 0, 1], 2000).astype(np.float32)) == "dense"
    assert _comes_back(random.choice([-1, 0, 1], 2000, p=[0.02, 0.96, 0.02]).astype(np.float32)) == "sparse"


def test_a_ternary_kernel_nears_its_entropy() -> None:
    shares = [0.05, 0.87, 0.08]  # about those of the notes' one-negative-one network
    kernel = np.random.default_rng(0).choice([-1, 0, 1], 100_000, p=shares).astype(np.float32)
    entropy = -sum(p * math.log2(p) for p in shares)
    assert entropy <= 8 * pack(kernel).size / kernel.size < 1.1 * entropy


def test_halves_take_two_bytes_where_nothing_is_lost() -> None:
    exact = np.linspace(-1, 1, 600).astype(np.float16).astype(np.float32)
    assert len(pack(exact).parts[0]) == 1200
    assert len(pack(exact + np.float32(1e-6)).parts[0]) == 2400
    assert len(pack(np.full(1, 1e6, np.float32)).parts[0]) == 4  # beyond float16


def test_fixed_widths_by_hand() -> None:
    kernel = np.zeros(64, np.float32)
    kernel[[3, 7, 30]] = [0.5, -0.5, 0.5]
    # gaps of 3, 3 and 22: five bits hold all three, four bits need a filler, two need five
    assert fixed_width_bytes(kernel, codebook=False) == math.ceil(3 * (32 + 5) / 8)
    # the values 0.5, −0.5 and 0 take two bits, the codebook 3 × 2 bytes
    assert fixed_width_bytes(kernel, codebook=True) == math.ceil(3 * (2 + 5) / 8) + 6
    assert fixed_width_bytes(np.ones(10, np.float32), codebook=False) == 40


@pytest.mark.parametrize(
    "change",
    [{"entries": 9}, {"symbols": "222"}, {"gaps": "9999"}, {"stored": "object"}, {"way": "other"}, {"entries": 10**12}],
)
def test_parts_that_do_not_fit_are_refused(change: dict[str, object]) -> None:
    coded = pack(np.eye(40, dtype=np.float32))
    assert coded.how["way"] == "sparse"
    with pytest.raises((BadInput, ValueError, IndexError)):
        unpack(coded.how | change, list(coded.parts), (40, 40))
    with pytest.raises((BadInput, ValueError, IndexError)):
        unpack(coded.how, list(coded.parts), (10, 10))
    with pytest.raises(BadInput, match="values"):
        unpack(coded.how, list(coded.parts), (2**20, 2**20))
