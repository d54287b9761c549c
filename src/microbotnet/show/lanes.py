"""Which steps of a network are its trunk, and which lane each of the others has beside it."""

from collections.abc import Sequence

from ..graph import Graph
from ..graph.steps import Step


def trunk_of(graph: Graph, steps: Sequence[Step]) -> set[str]:
    """From the last step back to the picture; where paths meet, what was computed, not what was passed by."""
    by_name = {step.name: step for step in steps}
    home = {node.name: step.name for step in steps for node in step.nodes}
    gated = {home[gate.mul]: home[gate.start] for gate in graph.gates if gate.start in home}
    order = {step.name: index for index, step in enumerate(steps)}
    weight: dict[str, tuple[int, int]] = {}  # steps of the longest path to here, then its parameters
    for step in steps:
        length, heavy = max((weight[name] for name in step.inputs), default=(0, 0))
        weight[step.name] = length + 1, heavy + sum(p.numel for p in step.head.parameters)
    found: set[str] = set()
    name = steps[-1].name
    while name:
        found.add(name)
        step = by_name[name]
        if name in gated and gated[name] in step.inputs:
            name = gated[name]
        else:
            name = max(step.inputs, key=lambda before: (*weight[before], order[before]), default="")
    return found


def lanes_of(steps: Sequence[Step], trunk: set[str], forms: dict[str, str]) -> dict[str, int]:
    """Lane of each step beside the trunk: −1, −2, … for gates, 1, 2, … for other branches."""
    order = {step.name: index for index, step in enumerate(steps)}
    readers: dict[str, list[int]] = {step.name: [] for step in steps}
    for step in steps:
        for name in step.inputs:
            readers[name].append(order[step.name])
    chains: list[list[str]] = []
    for step in steps:
        if step.name in trunk:
            continue
        chain = next((c for c in chains if c[-1] in step.inputs and forms[c[-1]] == forms[step.name]), None)
        if chain:
            chain.append(step.name)
        else:
            chains.append([step.name])
    by_name = {step.name: step for step in steps}

    def span(chain: list[str]) -> tuple[int, int]:
        starts = [order[name] for name in by_name[chain[0]].inputs] or [order[chain[0]]]
        return min(starts), max([*readers[chain[-1]], order[chain[-1]]])

    lanes: dict[str, int] = {}
    taken: dict[int, list[tuple[int, int]]] = {}
    for chain in sorted(chains, key=lambda c: (span(c)[1] - span(c)[0], span(c))):
        start, end = span(chain)
        away = -1 if forms[chain[0]] == "chip" else 1
        lane = away
        while any(start < other[1] and other[0] < end for other in taken.get(lane, [])):
            lane += away
        taken.setdefault(lane, []).append((start, end))
        lanes |= dict.fromkeys(chain, lane)
    return lanes
