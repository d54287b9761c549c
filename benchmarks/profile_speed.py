"""Trace and cost networks with microbotnet, thop and torchinfo, side by side in one run.

    pip install -e .[bench]
    python benchmarks/profile_speed.py

Ours counts parameters, MACs in two conventions, memory and energy; the others count parameters and MACs by running the
network on a picture. Times are medians on one thread. Totals are compared with half of torch's own FlopCounterMode.
"""

import statistics
import time
from collections.abc import Callable

import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table
from thop import profile as thop_profile
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchinfo import summary

from microbotnet import create_model, net_names, profile, trace
from microbotnet.nets import find_net

RUNS = 5


def ours(model: nn.Module, size: int) -> int:
    return profile(trace(model, (3, size, size))).macs["conv_linear"]


def thop(model: nn.Module, size: int) -> int:
    return int(thop_profile(model, (torch.zeros(1, 3, size, size),), verbose=False)[0])


def torchinfo(model: nn.Module, size: int) -> int:
    return int(summary(model, (1, 3, size, size), verbose=0, device="cpu").total_mult_adds)


def torch_flops(model: nn.Module, size: int) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.eval()(torch.zeros(1, 3, size, size))
    return counter.get_total_flops() // 2


def median_seconds(count: Callable[[nn.Module, int], int], model: nn.Module, size: int) -> float:
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        count(model, size)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    torch.set_num_threads(1)
    table = Table("network", "tool", title=f"median of {RUNS} runs")
    for column in ("ms", "times ours", "MACs", "against torch"):
        table.add_column(column, justify="right")
    ratios: dict[str, list[float]] = {"thop": [], "torchinfo": []}
    for name in track(net_names(), "profiling", console=Console(stderr=True), transient=True):
        size = find_net(name).input_size
        model = create_model(name, num_classes=1000 if size > 32 else 10, input_size=size)
        expected = torch_flops(model, size)
        own = median_seconds(ours, model, size)
        for tool, count in (("microbotnet", ours), ("thop", thop), ("torchinfo", torchinfo)):
            seconds = own if count is ours else median_seconds(count, model, size)
            if tool in ratios:
                ratios[tool].append(seconds / own)
            macs = count(model, size)
            verdict = "equal" if macs == expected else f"{macs / expected - 1:+.1%}"
            row = (f"{1000 * seconds:.1f}", f"{seconds / own:.1f}", f"{macs:,}", verdict)
            table.add_row(f"{name} {size}" if count is ours else "", tool, *row)
    Console(width=100).print(table)
    for tool, found in ratios.items():
        low, middle, high = min(found), statistics.median(found), max(found)
        print(f"{tool} takes {middle:.1f} times as long (median over {len(found)} networks; {low:.1f} to {high:.1f})")


if __name__ == "__main__":
    main()
