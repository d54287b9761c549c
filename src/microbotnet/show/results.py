"""What the shipped weights score, beside the published ones: a chart and a table, made from the cards."""

from typing import Any

from ..cost.profile import Profile
from ..weights import shipped_cards
from .charts import Point, scatter
from .comparison import published_facts
from .subject import trained


def results() -> list[tuple[Profile, dict[str, Any], float | None]]:
    """Each shipped float MicroBotNet's costs, card, and published top-1 of the same network, narrowest first."""
    rows = []
    for name, card in shipped_cards("cifar10").items():
        net = card["architecture"]
        if not net["name"].startswith("microbotnet") or card["quantization"] != "none":
            continue
        fact = published_facts().get((net["name"], net["width"], net["input_size"], net["num_classes"]))
        rows.append((trained(name).profile, card, fact.top1 if fact else None))
    return sorted(rows, key=lambda row: row[0].macs["conv_linear"])


def results_chart() -> str:
    """Top-1 against MACs: this project's weights and the published ones."""
    points = []
    for costs, card, published in results():
        label, macs = _label(card), costs.macs["conv_linear"]
        points.append(Point(label, macs, card["metrics"]["top1"], "ours"))
        if published is not None:
            points.append(Point(f"{label} published", macs, published))
    title = "MicroBotNet on CIFAR-10"
    return scatter(points, title, "MACs a picture (conv_linear), logarithmic", "top-1 on the 10,000 test pictures, %")


def results_table() -> str:
    """The same as a table in Markdown."""
    lines = [
        "| network | parameters | MACs (conv_linear) | MACs (thop_2020) | top-1, ours | top-1, published | trained |",
        "|---|--:|--:|--:|--:|--:|---|",
    ]
    for costs, card, published in results():
        recipe = card["recipe"]
        how = f"{recipe['name']}, {recipe['epochs']} epochs, seed {recipe['seed']}"
        how += f", teacher {recipe['teacher']}" if recipe["teacher"] else ""
        cells = [
            f"MicroBotNet {_label(card)}",
            f"{costs.parameters:,}",
            f"{costs.macs['conv_linear']:,}",
            f"{costs.macs['thop_2020']:,}",
            f"**{card['metrics']['top1']:.2f}**",
            f"{published:.2f}" if published is not None else "–",
            how,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def ternary_table() -> str:
    """The shipped networks with quantized kernels, in Markdown; energy is that of the weights as they are stored."""
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
            f"{how['quantizer']}, policy {how['policy']}",
            f"{bits} bits" if bits else "float",
            f"**{card['metrics']['top1']:.2f}**",
            f"{trained(name).profile.energy.total / 1e6:.2f} µJ",
            f"{recipe['epochs']} epochs from {recipe['begin']}, seed {recipe['seed']}, teacher {recipe['teacher']}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def robot_table() -> str:
    """The shipped networks for the Micro Robot sets, in Markdown; nothing where there are none."""
    lines = []
    for name, card in shipped_cards().items():
        group, _, which = card["data"]["name"].partition("/")
        if group != "micro-robot":
            continue
        how, recipe = card["quantization"], card["recipe"]
        cells = [
            name,
            which,
            str(len(card["data"]["classes"])),
            "float" if how == "none" else f"{how['quantizer']}, policy {how['policy']}",
            f"**{card['metrics']['top1']:.2f}**",
            f"{card['metrics']['test_pictures']:,}",
            f"{recipe['name']}, {recipe['epochs']} epochs, seed {recipe['seed']}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    if not lines:
        return ""
    head = ["| weights | set | classes | kernels | top-1 | test pictures | trained |", "|---|---|--:|---|--:|--:|---|"]
    return "\n".join(head + lines) + "\n"


def _label(card: dict[str, Any]) -> str:
    return f"×{card['architecture']['width']:.2f}"
