"""Muon: momentum whose matrices are made orthogonal before each step (Jordan et al. 2024)."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

# Of the odd polynomial whose iteration draws all singular values towards 1, faster the smaller they are.
_A, _B, _C = 3.4445, -4.7750, 2.0315
_ITERATIONS = 5


class Muon(torch.optim.Optimizer):
    """Kernels by Muon; everything else by SGD with Nesterov momentum, at the group's own rate.

    A group with `orthogonal` set holds kernels, each seen as a matrix of filters × inputs. A kernel's norm is kept at
    the root of its filters, so that the learning rate is the share of a kernel that a step turns; it suits kernels
    that a batch norm follows, whose norm has no meaning.

    Args:
        groups: each with `params`, `orthogonal` and `weight_decay`.
        lr: learning rate. momentum: of both.
    """

    def __init__(self, groups: list[dict[str, Any]], lr: float, momentum: float) -> None:
        super().__init__(groups, {"lr": lr, "momentum": momentum, "weight_decay": 0.0, "orthogonal": False})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Change every parameter that has a gradient."""
        for group in self.param_groups:
            rate, beta = group["lr"], group["momentum"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["momentum_buffer"] = torch.zeros_like(p)
                gradient = p.grad.add(p, alpha=group["weight_decay"])
                velocity = state["momentum_buffer"].mul_(beta).add_(gradient)
                change = gradient.add(velocity, alpha=beta)
                if group["orthogonal"]:
                    p.mul_(len(p) ** 0.5 / p.norm())
                    change = orthogonal(change.flatten(1)).reshape(p.shape)
                p.sub_(change, alpha=rate)


def orthogonal(matrix: Tensor) -> Tensor:
    """`matrix` (rows, columns) with all singular values brought near 1, by Newton and Schulz's iteration."""
    x: Tensor = matrix / (matrix.norm() + 1e-7)
    if len(x) > x.shape[1]:
        return orthogonal(x.T).T
    for _ in range(_ITERATIONS):
        a = x @ x.T
        x = _A * x + (_B * a + _C * a @ a) @ x
    return x
