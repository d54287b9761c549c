"""How many threads a training step is computed with on a CPU: as many as make it fastest, measured before it begins."""

import os
import time
from collections.abc import Callable

import torch

_STEPS = 4  # that are timed; one before them is not
_WORTH = 0.9  # of the time with fewer threads; what spares less is chance


def free_to_choose() -> bool:
    """Whether nobody has said how many: neither the environment nor the program."""
    said = any(os.environ.get(name) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"))
    return not said and torch.get_num_threads() > 1


def fastest_threads(step: Callable[[], object], most: int) -> int:
    """From 1 to `most`, doubled as long as `step` gets faster; torch is left with that many.

    Small layers are shared out thousands of times a second, and all threads wait for the last: beside one busy process
    two threads can be 30 times slower than one, and 64 on an idle machine slower than 8.
    """
    best, shortest = 1, float("inf")
    for count in [*(2**i for i in range(most.bit_length()) if 2**i < most), most]:
        torch.set_num_threads(count)
        took = _seconds(step, shortest)
        if took > _WORTH * shortest:
            break
        best, shortest = count, took
    torch.set_num_threads(best)
    return best


def _seconds(step: Callable[[], object], enough: float) -> float:
    """Of _STEPS steps, after one that is not counted unless it alone takes longer than is `enough`."""
    begun = time.perf_counter()
    step()
    if (first := time.perf_counter() - begun) > enough:
        return first
    begun = time.perf_counter()
    for _ in range(_STEPS):
        step()
        if time.perf_counter() - begun > enough:
            break
    return time.perf_counter() - begun
