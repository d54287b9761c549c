"""What the page says of a picture is what the library says, whatever the network."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import microbotnet
from microbotnet import profile, trace
from microbotnet.demo.answer import answer, complaint
from microbotnet.demo.networks import Network, offered, open_network
from microbotnet.errors import BadInput, Failed
from microbotnet.inference import predict
from microbotnet.preprocessing import read_picture
from microbotnet.training.checkpoint import Checkpoint
from microbotnet.weights import DEFAULT, shipped_cards

DEMO = Path(microbotnet.__file__).parent / "demo" / "pictures"
TERNARY = "checkpoints/micro_one_neg_one_x0_32.pytorch_state"


def tags_close(html: str) -> bool:
    opened: list[str] = []

    class Balance(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag != "img":
                opened.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert opened.pop() == tag

    Balance().feed(html)
    return not opened


def test_classes_and_probabilities_are_those_of_the_network() -> None:
    network = open_network(DEFAULT)
    shown = answer(str(DEMO / "horse.png"), network)
    data = network.checkpoint.card["data"]
    expected = predict(network.checkpoint.model, read_picture(DEMO / "horse.png")[None], data["mean"], data["std"])[0]
    rows = re.findall(
        r'<div class="class(?: first)?"><span>(.*?)</span>.*?<span>([\d.]+) %</span></div>', shown.summary
    )
    order = np.argsort(-expected)[:5]
    assert [name for name, _ in rows] == [data["classes"][i] for i in order]
    assert [float(p) for _, p in rows] == pytest.approx([100 * expected[i] for i in order], abs=0.06)
    assert tags_close(shown.summary)
    assert tags_close(shown.drawing)
    assert shown.summary.count("data:image/png;base64,") == 2


def test_the_cost_is_the_profiles() -> None:
    network = open_network(DEFAULT)
    shown, costs = answer(str(DEMO / "horse.png"), network).summary, network.costs
    assert f"<b>{costs.macs['conv_linear']:,}</b>" in shown
    assert f"<b>{costs.energy.weight_memory_bytes / 1024:,.1f} kB</b>" in shown
    assert f"<b>{costs.memory.peak_activation_bytes / 1024:,.1f} kB</b>" in shown
    assert f"<b>{costs.energy.total / 1e6:,.2f} µJ</b>" in shown


def test_a_ternary_network_counts_two_bits_and_its_zeros(shared: Path) -> None:
    network = open_network(str(shared / TERNARY))
    shown = answer(str(DEMO / "horse.png"), network).summary
    assert "of them by a weight of zero" in shown
    assert "2 bits where ternary" in shown
    energy = network.costs.energy
    assert energy.weight_memory_bytes < 245.2 * 1024
    assert f"<b>{energy.weight_memory_bytes / 1024:,.1f} kB</b>" in shown
    assert f"<b>{energy.total / 1e6:,.2f} µJ</b>" in shown


def test_every_layer_is_lit_and_the_colours_follow_the_picture() -> None:
    network = open_network(DEFAULT)
    first, second = (answer(str(DEMO / name), network).drawing for name in ("horse.png", "ship.png"))
    assert first.count("activity: mean |output|") == 40
    assert first != second


def test_what_is_no_picture_is_said(tmp_path: Path) -> None:
    (tmp_path / "a<b>.png").write_text("hello")
    with pytest.raises(BadInput, match="not a picture in a known format"):
        answer(str(tmp_path / "a<b>.png"), open_network(DEFAULT))
    assert "a&lt;b&gt;.png" in complaint("a<b>.png: empty").summary


def test_what_is_shipped_is_offered_and_ones_own_comes_first(shared: Path) -> None:
    assert next(iter(offered().values())) == DEFAULT
    assert set(offered().values()) >= set(shipped_cards())
    assert next(iter(offered("microbotnet-0.25").values())) == "microbotnet-0.25"
    own = str(shared / TERNARY)
    assert next(iter(offered(own).values())) == own
    with pytest.raises(BadInput, match="no such checkpoint"):
        offered("nowhere.safetensors")


class Tiny(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1), nn.ReLU())
        self.classifier = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.classifier(self.features(x))
        return y


def test_firmware_answers_with_what_the_core_counted() -> None:
    for module in ("unicorn", "elftools", "ziglang"):
        pytest.importorskip(module, reason=f"the mcu extra ({module}) is not installed")
    from microbotnet.integer.checkpoint import lower_checkpoint
    from microbotnet.mcu.board import load_board
    from microbotnet.mcu.firmware import make_firmware

    torch.manual_seed(0)
    model = Tiny().eval()
    data = {"classes": ["acorn", "nail", "snail"], "mean": [0.5] * 3, "std": [0.25] * 3}
    loaded = Checkpoint(model, {"architecture": {"name": "tiny", "input_size": 32}, "data": data})
    costs = profile(trace(model))
    pictures = np.random.default_rng(0).integers(0, 256, (20, 3, 32, 32), np.uint8)
    firmware = make_firmware(lower_checkpoint(loaded, pictures), load_board("scum"))
    shown = answer(str(DEMO / "cat.png"), Network("tiny", loaded, costs, firmware)).summary
    ran = firmware.run(read_picture(DEMO / "cat.png")[None])
    scores = ran.execution.scores[0]
    first = re.findall(r'class="class first"><span>(.*?)</span>.*?<span>(−?[\d,]+)</span></div>', shown)
    assert first == [(data["classes"][int(scores.argmax())], f"{scores.max():,}".replace("-", "−"))]
    assert f"<b>{ran.instructions[0]:,}</b>" in shown
    assert "bit for bit" in shown
    assert tags_close(shown)


def test_firmware_is_not_offered_where_there_is_none() -> None:
    floats = [name for name, card in shipped_cards().items() if card["quantization"] == "none"]
    assert floats
    assert not any(f"{name} on scum" in offered().values() for name in floats)


def test_firmware_that_does_not_fit_the_board_says_so_when_it_is_chosen() -> None:
    pytest.importorskip("unicorn", reason="the extra mcu is not installed")
    pytest.importorskip("ziglang", reason="the extra mcu is not installed")
    with pytest.raises((BadInput, Failed), match="does not fit"):
        open_network("microbotnet-0.32-one-negative-one-pointwise on scum")


def test_the_default_is_offered_as_firmware() -> None:
    pytest.importorskip("unicorn", reason="the extra mcu is not installed")
    pytest.importorskip("ziglang", reason="the extra mcu is not installed")
    assert f"{DEFAULT} on scum" in offered().values()
    shown = answer(str(DEMO / "frog.png"), open_network(f"{DEFAULT} on scum")).summary
    assert '<div class="class first"><span>frog</span>' in shown
    assert "bit for bit" in shown
