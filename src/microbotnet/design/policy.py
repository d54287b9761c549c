"""A design's precision as a policy's file: with it `train --policy` makes its kernels ternary and 8-bit."""

from json import dumps

from ..errors import BadInput
from .design import Design


def policy_toml(design: Design, name: str) -> str:
    """The text of a policy for the network of `design`; `name` is what people know it by.

    Raises:
        BadInput: no kernel is ternary, so there is nothing for a policy to choose.
    """
    by = {kind: [layer for layer, precision in design.precisions() if precision == kind] for kind in _KINDS}
    if not by["ternary"]:
        raise BadInput(f"{name}: no kernel is ternary; train it without a policy, firmware rounds kernels to 8 bits")
    lines = [
        f"summary = {dumps(f'the ternary kernels of the design {name}', ensure_ascii=False)}",
        _list("names", by["ternary"]),
    ]
    if by["int8"]:
        lines.append("others = 8")
        lines += [_list("floats", by["float"])] if by["float"] else []
    return "\n".join(lines) + "\n"


_KINDS = ("float", "int8", "ternary")


def _list(key: str, layers: list[str]) -> str:
    return f"{key} = [\n" + "".join(f"    {dumps(layer)},\n" for layer in layers) + "]"
