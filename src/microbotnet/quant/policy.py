"""Which kernels of a network are quantized: small TOML files of rules."""

import difflib
import re
from dataclasses import asdict, dataclass, fields
from fnmatch import fnmatchcase
from importlib.resources import files
from math import prod
from pathlib import Path
from typing import Any

from torch import nn
from torch.nn.modules.conv import _ConvNd

from ..errors import BadInput
from ..plain import parse_toml, read_text

KINDS = ("conv", "depthwise", "pointwise", "se", "linear")

_SQUEEZE_EXCITE = re.compile(r"squeeze_?(and_?)?excit\w*|se_?(block|layer|module|unit)?", re.I)


@dataclass(frozen=True)
class Kernel:
    """The weight of one convolution or linear layer.

    name: the layer's path. kind: one of `KINDS`. shape: of the weight, outputs first.
    """

    name: str
    kind: str
    shape: tuple[int, ...]

    @property
    def weights(self) -> int:
        """How many there are."""
        return prod(self.shape)


@dataclass(frozen=True)
class Policy:
    """A kernel is chosen when every rule holds.

    name, summary: what users see.
    kinds: "pointwise" is a 1×1 convolution, "depthwise" one filter a channel, "conv" any other; "se" the linears (or
        1×1 convolutions) inside a squeeze-and-excite block, "linear" any other linear.
    over: the kernel has more weights than this.
    names, without: patterns of the layer's path; `names` must match (none: all do), `without` must not. `*` stands
        for anything, dots included.
    first, last: whether the network's first and last kernel (in the order of its modules) may be chosen.
    others: bits of the kernels that are not chosen, 8 or 32; 32 leaves them float.
    floats: patterns of those that stay float all the same.
    scales: whether quantizers without a scale (one-negative-one, binary) get one where no batch norm follows. There
        a sum of ones drives the gate or the logits behind it far off; the notes did without.
    """

    name: str
    summary: str = ""
    kinds: tuple[str, ...] = KINDS
    over: int = 0
    names: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    first: bool = True
    last: bool = True
    others: int = 32
    floats: tuple[str, ...] = ()
    scales: bool = True


@dataclass(frozen=True)
class Choice:
    """What a policy chooses in a network: `chosen` of its `kernels`; `parameters` counts all learned values."""

    policy: Policy
    kernels: tuple[Kernel, ...]
    chosen: tuple[Kernel, ...]
    parameters: int

    @property
    def weights(self) -> int:
        """Of the chosen kernels."""
        return sum(kernel.weights for kernel in self.chosen)

    @property
    def left(self) -> tuple[Kernel, ...]:
        """The kernels that are not chosen."""
        return tuple(kernel for kernel in self.kernels if kernel not in self.chosen)

    @property
    def rounded(self) -> tuple[Kernel, ...]:
        """The kernels that are not chosen and get the policy's bits."""
        if self.policy.others == 32:
            return ()
        floats = self.policy.floats
        return tuple(k for k in self.left if not any(fnmatchcase(k.name, pattern) for pattern in floats))

    def weight_bytes(self, bits: int) -> tuple[int, int]:
        """Bytes of all learned values before, in float32, and after, with the chosen kernels at `bits` a weight.

        As in `microbotnet profile`: whole bytes a kernel; biases and batch norms have 4 bytes a value; a kernel's
        scales are not counted, since they fold into the batch norm or requantization behind it.
        """
        after = {kernel.name: -(-kernel.weights * bits // 8) for kernel in self.chosen}
        after |= {k.name: k.weights * (self.policy.others // 8 if k in self.rounded else 4) for k in self.left}
        plain = self.parameters - sum(kernel.weights for kernel in self.kernels)
        return 4 * self.parameters, 4 * plain + sum(after.values())

    def to_json(self, bits: int) -> dict[str, Any]:
        """Plain values."""
        before, after = self.weight_bytes(bits)
        return {
            "policy": asdict(self.policy),
            "layers": [{**asdict(kernel), "weights": kernel.weights} for kernel in self.chosen],
            "totals": {
                "layers": len(self.chosen),
                "weights": self.weights,
                "parameters": self.parameters,
                "unquantized": self.parameters - self.weights,
                "share": self.weights / self.parameters,
                "bits": bits,
                "others_bits": self.policy.others,
                "weight_bytes": {"before": before, "after": after},
            },
        }


def kernels(model: nn.Module) -> tuple[Kernel, ...]:
    """The weights of all convolutions and linear layers, in the order of the modules; shared layers once."""
    inside: list[str] = []  # paths of squeeze-and-excite blocks
    found = []
    for path, module in model.named_modules():
        if path and _SQUEEZE_EXCITE.fullmatch(type(module).__name__):
            inside.append(f"{path}.")
        if isinstance(module, _ConvNd | nn.Linear):
            gate = path.startswith(tuple(inside))
            found.append(Kernel(path, "se" if gate else _kind(module), tuple(module.weight.shape)))
    return tuple(found)


def choose(model: nn.Module, policy: Policy) -> Choice:
    """The kernels of `model` that `policy` chooses. Only shapes are read: the model may be on the meta device.

    Raises:
        BadInput: a pattern matches no layer, or no kernel is chosen.
    """
    found = kernels(model)
    for pattern in (*policy.names, *policy.without, *policy.floats):
        if not any(fnmatchcase(kernel.name, pattern) for kernel in found):
            some = ", ".join(kernel.name for kernel in (*found[:2], *found[-2:]))
            raise BadInput(f"policy {policy.name}: {pattern!r} matches no layer of this network; it has {some}, …")
    ends = {"first": found[:1], "last": found[-1:]}
    barred = {kernel for end, those in ends.items() if not getattr(policy, end) for kernel in those}
    chosen = tuple(
        kernel
        for kernel in found
        if kernel.kind in policy.kinds
        and kernel.weights > policy.over
        and (not policy.names or any(fnmatchcase(kernel.name, pattern) for pattern in policy.names))
        and not any(fnmatchcase(kernel.name, pattern) for pattern in policy.without)
        and kernel not in barred
    )
    if not chosen:
        raise BadInput(f"policy {policy.name} chooses none of the {len(found)} kernels of this network")
    return Choice(policy, found, chosen, sum(parameter.numel() for parameter in model.parameters()))


def policy_names() -> list[str]:
    """The policies that come with the package."""
    return sorted(f.name.removesuffix(".toml") for f in files(__package__).joinpath("policies").iterdir())


def load_policy(name: str) -> Policy:
    """Read the policy `name`, one of `policy_names()` or the path of a TOML file with the fields of `Policy`.

    Raises:
        BadInput: no such policy (the nearest is suggested), or a field that is unknown, of another type or out of
            range; it names the field.
    """
    path = Path(name)
    if name in policy_names():
        text = files(__package__).joinpath("policies", f"{name}.toml").read_text()
    elif path.suffix == ".toml":
        text = read_text(path, "a policy")
    else:
        close = difflib.get_close_matches(name.lower(), policy_names(), n=1, cutoff=0.5)
        hint = f"did you mean {close[0]!r}?" if close else f"give a .toml file or one of: {', '.join(policy_names())}"
        raise BadInput(f"no policy is named {name!r}; {hint}")
    values = parse_toml(text, name)
    return _checked(path.stem if path.suffix == ".toml" else name, values, name)


def _checked(title: str, values: dict[str, Any], source: str) -> Policy:
    defaults = asdict(Policy(title))
    del defaults["name"]
    for key, value in values.items():
        if key not in defaults:
            known = ", ".join(field.name for field in fields(Policy) if field.name != "name")
            raise BadInput(f"{source}: unknown field {key!r}; there are: {known}")
        if isinstance(defaults[key], tuple):
            if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                raise BadInput(f"{source}: {key} must be a list of strings, not {value!r}")
            values[key] = tuple(value)
        elif type(value) is not type(defaults[key]):
            raise BadInput(f"{source}: {key} must be a {type(defaults[key]).__name__}, not {value!r}")
    for kind in values.get("kinds", ()):
        if kind not in KINDS:
            raise BadInput(f"{source}: kinds has {kind!r}; there are: {', '.join(KINDS)}")
    if values.get("over", 0) < 0:
        raise BadInput(f"{source}: over must be at least 0, not {values['over']}")
    if values.get("others", 32) not in (8, 32):
        raise BadInput(f"{source}: others must be 8 or 32 bits, not {values['others']}")
    return Policy(title, **values)


def _kind(module: _ConvNd | nn.Linear) -> str:
    if isinstance(module, nn.Linear):
        return "linear"
    if 1 < module.groups == module.in_channels:
        return "depthwise"
    return "pointwise" if prod(module.kernel_size) == 1 else "conv"
