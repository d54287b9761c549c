"""Budgets: what is meant by a text, and what a text that means nothing is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microbotnet import BadInput
from microbotnet.search.budget import UNITS, Limit, parse_budget


def test_the_budget_of_the_documentation() -> None:
    budget = parse_budget("macs<=1e6, flash<=48k, ram<=16k, energy<=1uJ")
    assert budget.limits == (
        Limit("macs", 1e6), Limit("flash", 48 * 1024), Limit("ram", 16 * 1024), Limit("energy", 1e6),
    )  # fmt: skip
    assert str(budget) == "macs ≤ 1,000,000, flash ≤ 49,152 bytes, ram ≤ 16,384 bytes, energy ≤ 1 µJ"


@pytest.mark.parametrize(
    ("text", "most"),
    [
        ("macs<=1M", 1e6),
        ("RAM ≤ 2 kB", 2048),
        ("energy<0.5 µJ", 5e5),
        ("energy<=250nJ", 2.5e5),
        ("flash<=65_536", 65536),
    ],
)
def test_amounts(text: str, most: float) -> None:
    assert parse_budget(text).limits[0].most == most


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is no limit; write NAME<=NUMBER, such as flash<=48k"),
        ("macs=1e6", "'macs=1e6' is no limit"),
        ("macs>=1e6", "'macs>=1e6' is no limit"),
        ("flsh<=48k", "'flsh' cannot be limited; did you mean 'flash'"),
        ("macs<=1e6, macs<=2e6", "macs is limited twice"),
        ("macs<=many", "macs: 'many' is no amount; write a number with one of k, M"),
        ("energy<=1", "energy: '1' is no amount; write a number with one of pJ, nJ, uJ"),
        ("energy<=1kB", "energy: '1kB' is no amount"),
        ("ram<=0", "ram: must be over 0, not 0"),
        ("ram<=1e999", "ram: must be over 0"),
        ("macs<=1e6,", "'' is no limit"),
    ],
)
def test_what_is_no_budget(text: str, message: str) -> None:
    with pytest.raises(BadInput, match="^(budget: )?" + message.replace("?", r"\?").replace("<", "<")):
        parse_budget(text)


@given(st.dictionaries(st.sampled_from(sorted(UNITS)), st.integers(1, 10**9), min_size=len(UNITS)))
def test_what_is_outside_is_named_and_measured(costs: dict[str, int]) -> None:
    budget = parse_budget("macs<=1e6, flash<=48k, energy<=1uJ")
    broken = {limit.name for limit in budget.broken(costs)}
    assert broken == {limit.name for limit in budget.limits if costs[limit.name] > limit.most}
    assert (budget.excess(costs) == 0) == (not broken)
