"""What the shipped weights score, beside the published ones: tables, made from the cards."""

import statistics
from typing import Any

from ..cost.profile import Profile
from ..weights import shipped_cards
from .comparison import published_facts
from .profiled import trained


def results() -> list[tuple[Profile, dict[str, Any], float | None]]:
    """Costs, card and published top-1 of each shipped float MicroBotNet and design, the fewest MACs first."""
    rows = []
    for name, card in shipped_cards("cifar10").items():
        net = card["architecture"]
        if card["quantization"] != "none" or not (net["name"] == "microbotnet" or "design" in net):
            continue
        fact = published_facts().get((net["name"], net["width"], net["input_size"], net["num_classes"]))
        rows.append((trained(name).profile, card, fact.top1 if fact else None))
    return sorted(rows, key=lambda row: row[0].macs["conv_linear"])


def results_table() -> str:
    """The same in Markdown."""
    lines = [
        "| network | parameters | MACs (conv_linear) | MACs (thop_2020) | top-1, ours | top-1, published | trained |",
        "|---|--:|--:|--:|--:|--:|---|",
    ]
    for costs, card, published in results():
        recipe = card["recipe"]
        how = _trained(recipe)
        how += f", teacher {recipe['teacher']}" if recipe["teacher"] else ""
        how += _outside(card)
        cells = [
            _label(card),
            f"{costs.parameters:,}",
            f"{costs.macs['conv_linear']:,}",
            f"{costs.macs['thop_2020']:,}",
            _top1(card),
            f"{published:.2f}" if published is not None else "–",
            how,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def ternary_table() -> str:
    """The shipped networks that were trained quantized, in Markdown; energy is that of the weights as stored."""
    lines = [
        "| weights | kernels | activations | top-1 | energy, 45 nm | trained |",
        "|---|---|---|--:|--:|---|",
    ]
    for name, card in shipped_cards("cifar10").items():
        how, recipe = card["quantization"], card["recipe"]
        if how == "none":
            continue
        bits = how.get("activations", {}).get("bits")
        cells = [
            name,
            _kernels(how),
            f"{bits} bits" if bits else "float",
            _top1(card),
            f"{trained(name).profile.energy.total / 1e6:.2f} µJ",
            f"{recipe['epochs']} epochs from {recipe['begin']}, seed {recipe['seed']}, teacher {recipe['teacher']}"
            f"{_outside(card)}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def robot_table() -> str:
    """The shipped networks for the Micro Robot sets, in Markdown."""
    lines = [
        "| weights | set | classes | kernels | top-1 | test pictures | trained |",
        "|---|---|--:|---|--:|--:|---|",
    ]
    for name, card in shipped_cards().items():
        group, _, which = card["data"]["name"].partition("/")
        if group != "micro-robot":
            continue
        how, recipe = card["quantization"], card["recipe"]
        cells = [
            name,
            which,
            str(len(card["data"]["classes"])),
            "float" if how == "none" else _kernels(how),
            _top1(card),
            f"{card['metrics']['test_pictures']:,}",
            f"{_trained(recipe)}{_outside(card)}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _label(card: dict[str, Any]) -> str:
    net = card["architecture"]
    return net["name"] if "design" in net else f"MicroBotNet ×{net['width']:.2f}"


def _trained(recipe: dict[str, Any]) -> str:
    begin = f" from {recipe['begin']}" if recipe.get("begin") else ""
    return f"{recipe['name']}, {recipe['epochs']} epochs{begin}, seed {recipe['seed']}"


def _kernels(how: dict[str, Any]) -> str:
    return "8 bits" if how["policy"] == "none" else f"{how['quantizer']}, policy {how['policy']}"


def _outside(card: dict[str, Any]) -> str:
    """The mark of networks that learned from other pictures than their set's, themselves or through a teacher."""
    outside = card["data"].get("outside")
    return f"; **outside data: {', '.join(outside)}**" if outside else ""


def _top1(card: dict[str, Any]) -> str:
    """That of the shipped weights, and the mean of all seeds where there are several (`tools/ship.py`)."""
    metrics = card["metrics"]
    seeds = metrics.get("top1_of_seeds")
    mean = f"; mean of seeds {', '.join(seeds)}: {statistics.mean(seeds.values()):.2f}" if seeds else ""
    return f"**{metrics['top1']:.2f}**{mean}"
