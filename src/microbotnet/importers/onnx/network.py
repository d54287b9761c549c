"""The module that an ONNX file of real numbers becomes: its nodes in order, each a module of its own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn


class Operation(nn.Module):
    """A function of torch under a node's name. constant: a learned array that it takes last, if any."""

    def __init__(self, function: Callable[..., Any], constant: Tensor | None = None) -> None:
        super().__init__()
        self.function = function
        self.weight = None if constant is None else nn.Parameter(constant)

    def forward(self, *values: Tensor) -> Any:
        return self.function(*values) if self.weight is None else self.function(*values, self.weight)


@dataclass(frozen=True)
class Step:
    """A module, the values it reads and those it makes."""

    module: nn.Module
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


class Network(nn.Module):
    """A network from an ONNX file: (N, *input_shape) float32 in; what the file puts out, a tuple where it is several.

    input_shape: of one input, channels first whatever the file has. file: where it came from.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        outputs: Sequence[str],
        paths: Sequence[str],
        input_shape: tuple[int, ...],
        file: str,
    ) -> None:
        super().__init__()
        self.input_shape, self.file = input_shape, file
        self._steps, self._outputs = tuple(steps), tuple(outputs)
        last = {name: number for number, step in enumerate(steps) for name in step.inputs}
        self._done = [[name for name, at in last.items() if at == n and name not in outputs] for n in range(len(steps))]
        for step, path in zip(steps, paths, strict=True):
            _put(self, path, step.module)

    def forward(self, x: Tensor) -> Any:
        values = {"": x}
        for step, done in zip(self._steps, self._done, strict=True):
            made = step.module(*[values[name] for name in step.inputs])
            values.update(zip(step.outputs, [made] if isinstance(made, Tensor) else made, strict=False))
            for name in done:
                del values[name]
        made = tuple(values[name] for name in self._outputs)
        return made[0] if len(made) == 1 else made


def _put(root: nn.Module, path: str, module: nn.Module) -> None:
    """Make `module` stand at `path`, or at a name near it where something else does."""
    home = root
    *outer, last = path.split(".")
    for part in outer:
        part = _free(home, part, nn.Module)
        if part not in home._modules:
            home.add_module(part, nn.Module())
        home = home._modules[part] or home
    home.add_module(_free(home, last, None), module)


def _free(home: nn.Module, name: str, container: type | None) -> str:
    """`name`, or one like it that is no attribute yet; what only holds others may be shared."""
    chosen, count = name, 1
    while hasattr(home, chosen):
        if container is not None and type(home._modules.get(chosen)) is container:
            return chosen
        count += 1
        chosen = f"{name}_{count}"
    return chosen
