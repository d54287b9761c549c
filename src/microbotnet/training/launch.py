"""Where a training runs: one process or many, CPU or GPU, in which precision."""

import os

import torch
from lightning_fabric import Fabric

from ..errors import BadInput


def make_fabric(accelerator: str = "auto", devices: int = 1, nodes: int = 1, precision: str = "32-true") -> Fabric:
    """A launched Fabric; several processes share each batch by data parallelism, gloo on CPUs and NCCL on GPUs.

    Runs repeat bit for bit on the same machine: deterministic kernels are asked for.

    Raises:
        BadInput: this machine has no such accelerator, not that many devices, or no such precision.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # deterministic matrix products on CUDA
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        fabric = Fabric(
            accelerator=accelerator,
            devices=devices,
            num_nodes=nodes,
            precision=precision,  # type: ignore[arg-type]
            strategy="ddp" if devices * nodes > 1 else "auto",
        )
        fabric.launch()
    except (ValueError, RuntimeError) as error:
        where = f"accelerator {accelerator}, {devices} devices, {nodes} nodes, precision {precision}"
        raise BadInput(f"cannot train with {where}: {error}") from None
    return fabric
