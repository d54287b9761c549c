"""What a network called to make the nodes of its graph."""

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map


@dataclass(frozen=True)
class Call:
    """The ATen call behind a node.

    named: its arguments. given: those of them that depend on the picture. part: which of several tensors that it
    makes the node is; None where it makes one.
    """

    func: Any
    named: dict[str, Any]
    given: tuple[Tensor, ...]
    part: int | None = None

    @property
    def op(self) -> str:
        """ATen's name."""
        return str(self.func.overloadpacket.__name__).removesuffix("_")

    def __call__(self, *values: Tensor) -> Any:
        """Call it with `values` in place of `given`."""
        stands = {id(tensor): value for tensor, value in zip(self.given, values, strict=True)}
        made = self.func(**tree_map(lambda leaf: stands.get(id(leaf), leaf), self.named))
        return made if self.part is None else tree_leaves(made)[self.part]


@dataclass(frozen=True)
class Calls:
    """What was called to make the nodes of a graph.

    behind: for each node, its ATen call. outer: in order, the name of every function of torch that the network's code
    called with tensors that depend on the picture, and the node that its result is; None where it is no one tensor.
    """

    behind: dict[str, Call] = field(default_factory=dict)
    outer: list[tuple[str, str | None]] = field(default_factory=list)
