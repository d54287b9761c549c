"""Huffman codes: published and hand-made ones, optimality, and every damage an error."""

import math
import time

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from microbotnet import BadInput
from microbotnet.compress.huffman import LONGEST, code_lengths, decode, encode

Symbols = st.lists(st.integers(0, 40), min_size=1, max_size=300)


def test_the_textbook_sentence_takes_135_bits() -> None:
    text = np.frombuffer(b"this is an example of a huffman tree", np.uint8)
    counts = np.bincount(text)
    lengths = code_lengths(counts)
    assert (lengths * counts).sum() == 135
    assert lengths[ord(" ")] == lengths[ord("a")] == lengths[ord("e")] == 3
    content = encode(text, lengths)
    assert len(content) == 17
    assert bytes(decode(content, lengths, len(text)).astype(np.uint8)) == text.tobytes()


def test_a_canonical_code_by_hand() -> None:
    """Counts 8 4 2 1 1 have the codes 0, 10, 110, 1110, 1111."""
    lengths = code_lengths(np.array([4, 8, 1, 0, 2, 1]))
    assert lengths.tolist() == [2, 1, 4, 0, 3, 4]
    assert encode(np.array([1, 0, 4, 2, 5]), lengths) == bytes([0b01011011, 0b10111100])


@given(Symbols)
def test_every_sequence_comes_back(symbols: list[int]) -> None:
    array = np.array(symbols)
    lengths = code_lengths(np.bincount(array))
    content = encode(array, lengths)
    assert len(content) == math.ceil(lengths[array].astype(int).sum() / 8)
    assert decode(content, lengths, len(array)).tolist() == symbols


@given(st.lists(st.integers(1, 10**6), min_size=2, max_size=60))
@example([1, 1, 1, 1, 1, 66, 14, 101, 167, 320, 9, 5, 3, 586, 4874, 2956, 65, 1918, 1033])  # 17 bits without the limit
def test_lengths_are_a_full_code_within_a_bit_of_entropy(counts: list[int]) -> None:
    array = np.array(counts)
    lengths = code_lengths(array).astype(int)
    assert sum(2.0**-lengths) == 1
    share = array / array.sum()
    entropy = -(share * np.log2(share)).sum()
    assert entropy - 1e-9 <= (share * lengths).sum() < entropy + 1
    assert (np.diff(lengths[np.argsort(array, kind="stable")]) <= 0).all()  # the rarer, the longer


def test_lengths_stop_at_16_bits() -> None:
    fibonacci = [1, 1]
    while len(fibonacci) < 30:
        fibonacci.append(sum(fibonacci[-2:]))
    lengths = code_lengths(np.array(fibonacci)).astype(int)
    assert lengths.max() == LONGEST  # 29 without the limit
    assert sum(2.0**-lengths) == 1
    symbols = np.repeat(np.arange(30), 3)
    assert (decode(encode(symbols, lengths), lengths, 90) == symbols).all()


def test_one_symbol_alone_takes_a_bit_each() -> None:
    lengths = code_lengths(np.array([0, 0, 20]))
    assert lengths.tolist() == [0, 0, 1]
    assert encode(np.full(20, 2), lengths) == bytes(3)
    assert decode(bytes(3), lengths, 20).tolist() == [2] * 20


@settings(max_examples=50)
@given(Symbols, st.data())
def test_too_few_or_too_many_bytes_are_refused(symbols: list[int], data: st.DataObject) -> None:
    array = np.array(symbols)
    lengths = code_lengths(np.bincount(array))
    content = encode(array, lengths)
    for wrong in (content[: data.draw(st.integers(0, len(content) - 1))], content + b"\0"):
        with pytest.raises(BadInput, match="does not hold"):
            decode(wrong, lengths, len(array))


@pytest.mark.parametrize("lengths", [[1, 1, 1], [2, 2, 2], [0, 0], [17, 1], [3]])
def test_lengths_that_are_no_code_are_refused(lengths: list[int]) -> None:
    with pytest.raises(BadInput, match="none"):
        decode(bytes(4), np.array(lengths, np.uint8), 4)


def test_a_million_symbols_take_seconds_at_most() -> None:
    symbols = np.minimum(np.random.default_rng(0).geometric(0.3, 1_000_000) - 1, 255)
    begun = time.process_time()
    lengths = code_lengths(np.bincount(symbols))
    assert (decode(encode(symbols, lengths), lengths, len(symbols)) == symbols).all()
    assert time.process_time() - begun < 5
