"""A checkpoint's card as the README.md of a repository on the hub."""

import json
from collections.abc import Mapping
from typing import Any

from torch import nn

from ..cost.profile import profile
from ..graph.trace import trace
from ..nets import input_shape_of

_DATASETS = {"cifar10": "uoft-cs/cifar10"}  # what the hub calls them


def model_card(model: nn.Module, card: Mapping[str, Any], name: str) -> str:
    """Front matter that the hub reads (YAML, whose strings are JSON's), then the network in words and numbers.

    Args:
        model: whose costs are counted. card: with `architecture` and `data`. name: what to call it.
    """
    made, data, metrics = card["architecture"], card["data"], card.get("metrics", {})
    shape = input_shape_of(made)
    costs = profile(trace(model, shape))
    pictures = data.get("name", "unknown")
    rows = [
        ("network", f"`{made['name']}`" + (f" ×{made['width']:g}" if made["width"] != 1 else "")),
        ("input", "×".join(map(str, shape))),
        ("multiply-accumulates", f"{costs.macs['conv_linear']:,} (convention `conv_linear`)"),
        ("parameters", f"{sum(value.numel() for value in model.parameters()):,}"),
        ("energy of an input", f"{costs.energy.total / 1e6:.3g} µJ, modelled at 45 nm with memory"),
        ("quantization", _quantization(card)),
        ("trained on", pictures),
    ]
    if "top1" in metrics:
        rows.append(("top-1 of test pictures", f"{metrics['top1']:.2f} %"))
    if "top1_integers" in metrics:
        rows.append(("top-1 as an integer program", f"{metrics['top1_integers']:.2f} %"))
    if recipe := card.get("recipe"):
        words = [f"{key} {recipe[key]}" for key in ("epochs", "seed") if recipe.get(key) is not None]
        rows.append(("recipe", ", ".join([str(recipe.get("name", "own")), *words])))
    table = "\n".join(f"| {key} | {_cell(value)} |" for key, value in rows)
    return f"""---
{_front_matter(card, name)}
---

# {_cell(name)}

An image classifier small enough for a microcontroller, made with [microbotnet](https://pypi.org/project/microbotnet/).

| | |
|---|---|
{table}

Classes: {_cell(", ".join(data["classes"]))}.

Pictures: the largest centred square, resized (bicubic) to the input's size, divided by 255; then less the mean
{data["mean"]} and divided by the standard deviation {data["std"]} of each channel.

## Use
```python
import microbotnet

model = microbotnet.from_pretrained("OWNER/{_cell(name)}")
model.pretrained_cfg["label_names"]
```
```
microbotnet classify picture.jpg --checkpoint hf-hub:OWNER/{_cell(name)}
microbotnet firmware hf-hub:OWNER/{_cell(name)} --board microbit
```
"""


def _front_matter(card: Mapping[str, Any], name: str) -> str:
    data, metrics = card["data"], card.get("metrics", {})
    lines = ["library_name: microbotnet", "pipeline_tag: image-classification", "tags:", "- microbotnet", "- tinyml"]
    if isinstance(licence := card.get("license"), str):
        lines.insert(0, f"license: {json.dumps(licence)}")
    dataset = data.get("name", "unknown")
    if dataset in _DATASETS:
        lines += ["datasets:", f"- {_DATASETS[dataset]}"]
    if "top1" in metrics and dataset != "unknown":
        result = {
            "task": {"type": "image-classification"},
            "dataset": {"name": dataset, "type": _DATASETS.get(dataset, dataset)},
            "metrics": [{"type": "accuracy", "value": round(metrics["top1"] / 100, 6)}],
        }
        lines += ["model-index:", f"- name: {json.dumps(name)}", f"  results: {json.dumps([result])}"]
    return "\n".join(lines)


def _quantization(card: Mapping[str, Any]) -> str:
    found = card.get("quantization", "none")
    if not isinstance(found, Mapping):
        return "none: floats"
    words = [f"kernels {found['quantizer']}, policy {found['policy']}"] if found.get("policy", "none") != "none" else []
    if bits := (found.get("activations") or {}).get("bits"):
        words.append(f"activations of {bits} bits")
    return "; ".join(words) or "none: floats"


def _cell(text: str) -> str:
    """Text from a card, which may be another's, so that it cannot leave its place in the page."""
    return " ".join(str(text).replace("|", "\\|").replace("<", "&lt;").split())
