"""Pictures that shine through each other."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from microbotnet.data.mixup import Mix, draw_mix, mixed, mixed_labels


@given(st.integers(1, 300), st.sampled_from([0.1, 1.0, 4.0]), st.integers(0, 9), st.integers(0, 3))
def test_partners_are_a_permutation_and_a_picture_is_mostly_itself(
    count: int, strength: float, epoch: int, seed: int
) -> None:
    mix = draw_mix(count, strength, epoch, seed)
    assert sorted(mix.partner.tolist()) == list(range(count))
    assert ((mix.share >= 0.5) & (mix.share <= 1)).all()
    again = draw_mix(count, strength, epoch, seed)
    assert torch.equal(mix.partner, again.partner)
    assert torch.equal(mix.share, again.share)


def test_shares_are_those_of_the_distribution() -> None:
    shares = [draw_mix(100_000, strength, 3, 5).share for strength in (0.2, 1.0)]
    assert abs(float(shares[1].mean()) - 0.75) < 0.005, "even from 0 to 1, the larger side: the mean of 0.5…1"
    # of Beta(a, a) the variance is 1 / (8 a + 4), on either side of a half
    assert abs(float(((shares[0] - 0.5) ** 2).mean()) - 1 / 5.6) < 0.005
    assert not torch.equal(draw_mix(50, 1.0, 0, 0).partner, draw_mix(50, 1.0, 1, 0).partner)


def test_pixels_and_labels_are_mixed_alike() -> None:
    pictures = torch.eye(4).reshape(4, 1, 2, 2)  # a picture for each class, and its class's pixel
    mix = Mix(torch.tensor([1, 0, 3, 2]), torch.tensor([0.5, 0.75, 1.0, 0.625]))
    index = torch.tensor([3, 0, 1])
    taken = mixed(lambda at: pictures[at], mix)(index)
    wanted = torch.tensor([[0, 0, 0.375, 0.625], [0.5, 0.5, 0, 0], [0.25, 0.75, 0, 0]])
    assert torch.equal(taken.flatten(1), wanted)
    assert torch.equal(mixed_labels(torch.arange(4), index, mix, 4), wanted)
