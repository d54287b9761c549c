"""Networks, one file a paper, each registered under the name users type."""

from . import microbotnet as _microbotnet  # registers its names
from .registry import Net, create_model, find_net, net_names, register_net

__all__ = ["Net", "create_model", "find_net", "net_names", "register_net"]
del _microbotnet
