"""Networks, one file a paper, each registered under the name users type."""
# ruff: noqa: F401, I001 - importing registers the names, and this is the order in which they are listed

from . import microbotnet as _microbotnet
from . import squeezenet as _squeezenet
from . import mobilenet_v1 as _mobilenet_v1
from . import mobilenet_v2 as _mobilenet_v2
from . import mobilenet_v3 as _mobilenet_v3
from . import efficientnet_lite as _efficientnet_lite
from . import binarynet as _binarynet
from . import resnet8 as _resnet8
from . import ds_cnn as _ds_cnn
from . import deep_autoencoder as _deep_autoencoder
from . import airbench as _airbench
from . import designed as _designed
from .create import architecture, create_model, find_net, input_shape_of
from .layers import SqueezeExcite
from .registry import Fitted, Net, net_names, register_net
from .shapes import without_values

__all__ = [
    "Fitted",
    "Net",
    "SqueezeExcite",
    "architecture",
    "create_model",
    "find_net",
    "input_shape_of",
    "net_names",
    "register_net",
    "without_values",
]
