"""Networks saved, shared and fetched, against a stand-in for the hub's server that runs in the test."""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch

import microbotnet
from microbotnet import BadInput, Failed
from microbotnet.cli import main
from microbotnet.training.checkpoint import load_checkpoint
from microbotnet.weights import shipped_cards

hub = pytest.importorskip("huggingface_hub", reason="huggingface_hub of the extra hub is not installed")

NAME = "grain-s-ternary"
COMMIT = "a" * 40


class StandIn(BaseHTTPRequestHandler):
    """What the hub answers: files of a repository, and those that a commit brings."""

    protocol_version = "HTTP/1.1"
    files: dict[str, bytes]

    @property
    def address(self) -> str:
        return f"http://{self.headers['Host']}"

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        found = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", self.path)
        if found is None or found[1] != "robots/grain":
            self.answer(404, b"", {"X-Error-Code": "RepoNotFound"})
        elif found[2] not in ("main", COMMIT):
            self.answer(404, b"", {"X-Error-Code": "RevisionNotFound"})
        elif found[3] not in self.files:
            self.answer(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
        else:
            content = self.files[found[3]]
            self.answer(200, content, {"ETag": f'"{hashlib.sha1(content).hexdigest()}"', "X-Repo-Commit": COMMIT})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if "authorization" not in self.headers:
            self.answer(401, b"{}")
        elif self.path == "/api/repos/create":
            self.json({"url": f"{self.address}/robots/{json.loads(body)['name']}"})
        elif self.path == "/api/validate-yaml":
            self.json({"errors": [], "warnings": []})
        elif self.path.endswith("/preupload/main"):
            self.json(
                {
                    "files": [
                        {**file, "uploadMode": "regular", "shouldIgnore": False} for file in json.loads(body)["files"]
                    ]
                }
            )
        elif self.path.endswith("/commit/main"):
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    self.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            self.json(
                {"commitUrl": f"{self.address}/robots/grain/commit/{COMMIT}", "commitOid": COMMIT, "success": True}
            )
        else:
            self.answer(500, self.path.encode())

    def json(self, value: object) -> None:
        self.answer(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def answer(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in {**(headers or {}), "Content-Length": str(len(content))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Be silent."""


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[dict[str, bytes]]:
    """The files of robots/grain on a hub of this machine."""
    files: dict[str, bytes] = {}
    handler = type("Handler", (StandIn,), {"files": files})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setattr(hub.constants, "ENDPOINT", address)
        monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(
            hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setenv("HF_TOKEN", "hf_token")
        yield files
        server.shutdown()


def same(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    return one.state_dict().keys() == other.state_dict().keys() and all(
        torch.equal(value, other.state_dict()[key]) for key, value in one.state_dict().items()
    )


def test_a_folder_holds_a_network_its_card_and_a_page_and_gives_them_back(tmp_path: Path) -> None:
    model = microbotnet.from_pretrained(NAME)
    microbotnet.save_pretrained(model, tmp_path / "mine")
    assert {path.name for path in tmp_path.rglob("*")} == {"mine", "model.safetensors", "config.json", "README.md"}
    again = microbotnet.from_pretrained(tmp_path / "mine")
    assert same(model, again)
    assert not again.training
    assert again.pretrained_cfg == model.pretrained_cfg == microbotnet.pretrained_cfg(NAME)
    written, shipped = json.loads((tmp_path / "mine" / "config.json").read_text()), shipped_cards()[NAME]
    assert shipped.keys() - written.keys() == {"program_sha256"}
    for key in ("data", "metrics", "quantization", "recipe", "sha256"):
        assert written[key] == shipped[key]
    assert same(load_checkpoint(tmp_path / "mine" / "model.safetensors").model, model)


def test_the_page_says_to_the_hub_what_the_card_says(tmp_path: Path) -> None:
    microbotnet.save_pretrained(NAME, tmp_path / "mine")
    page = hub.ModelCard.load(tmp_path / "mine" / "README.md")
    assert (page.data.library_name, page.data.pipeline_tag) == ("microbotnet", "image-classification")
    [result] = page.data.eval_results
    top1 = shipped_cards()[NAME]["metrics"]["top1"]
    assert (result.dataset_type, result.metric_type, result.metric_value) == (
        "uoft-cs/cifar10",
        "accuracy",
        round(top1 / 100, 4),
    )
    assert f"{top1:.2f} %" in page.text
    macs = microbotnet.count_macs(microbotnet.trace(microbotnet.from_pretrained(NAME), (3, 32, 32)))
    assert f"{macs:,} (convention `conv_linear`)" in page.text
    hostile = {**shipped_cards()["grain-s"], "license": "mit\n---\n# Free", "sha256": ""}
    hostile["data"] = hostile["data"] | {"classes": ["<script>|\n# x", *map(str, range(9))]}
    microbotnet.save_pretrained(microbotnet.from_pretrained("grain-s"), tmp_path / "other", card=hostile)
    text = (tmp_path / "other" / "README.md").read_text()
    assert "<script>" not in text
    assert not re.search("^# (x|Free)", text, re.MULTILINE)
    assert hub.ModelCard(text).data.license == "mit\n---\n# Free"


def test_a_network_that_was_trained_on_loses_the_scores_that_were_measured_before(tmp_path: Path) -> None:
    model = microbotnet.from_pretrained("grain-s")
    with torch.no_grad():
        next(model.parameters()).mul_(1.5)
    microbotnet.save_pretrained(model, tmp_path)
    again = microbotnet.from_pretrained(tmp_path)
    assert same(model, again)
    assert "metrics" not in again.card
    assert "%" not in (tmp_path / "README.md").read_text()


def test_a_network_goes_to_the_hub_and_comes_back_by_its_name(
    repository: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert microbotnet.push_to_hub(NAME, "robots/grain").endswith(COMMIT)
    assert repository.keys() == {"model.safetensors", "config.json", "README.md"}
    assert b"hf-hub:OWNER/grain" in repository["README.md"]
    repository["evil.pkl"] = b"never asked for"
    shipped = microbotnet.from_pretrained(NAME)
    assert same(microbotnet.from_pretrained("robots/grain"), shipped)
    assert same(microbotnet.from_pretrained(f"hf-hub:robots/grain@{COMMIT}"), shipped)
    assert microbotnet.pretrained_cfg("robots/grain") == microbotnet.pretrained_cfg(NAME)
    assert not list((tmp_path / "cache").rglob("evil.pkl"))
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", True)
    assert same(microbotnet.from_pretrained("robots/grain"), shipped)
    monkeypatch.setattr("sys.argv", ["microbotnet", "profile", "--checkpoint", "hf-hub:robots/grain", "--totals"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert not stop.value.code
    assert f"{microbotnet.count_macs(microbotnet.trace(shipped, (3, 32, 32))):,}" in capsys.readouterr().out


def test_what_the_hub_does_not_have_is_said_in_a_sentence(
    repository: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, sentence in (
        ("robots/none", "neither a file here nor a repository on the hub"),
        ("robots/grain@older", "has no revision 'older'"),
        ("robots/grain", r"holds no config\.json with model\.safetensors"),
        ("hf-hub:grain", "write hf-hub:OWNER/NAME"),
        ("robots/a..b", "no name of a repository"),
    ):
        with pytest.raises(BadInput, match=sentence) as error:
            microbotnet.from_pretrained(name)
        assert "\n" not in str(error.value)
    microbotnet.push_to_hub(NAME, "robots/grain")
    repository["model.safetensors"] = repository["model.safetensors"][:-1] + b"\0\0"
    with pytest.raises(BadInput, match=r"model\.safetensors: (damaged|altered)"):
        microbotnet.from_pretrained("robots/grain")
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(Failed, match="robots/other: the hub cannot be reached, and this network is not in its cache"):
        microbotnet.from_pretrained("robots/other")
    with pytest.raises(Failed, match="the hub did not take it"):
        microbotnet.push_to_hub(NAME, "robots/grain")


def test_a_name_that_is_not_known_suggests_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no such checkpoint; did you mean 'microbotnet-0\.32'"):
        microbotnet.from_pretrained("microbotnt-0.32")
    with pytest.raises(BadInput, match=r"is a folder without model\.safetensors"):
        microbotnet.from_pretrained(tmp_path)


def test_a_module_says_what_it_is_or_is_not_saved(tmp_path: Path) -> None:
    model = microbotnet.create_model("microbotnet", width=0.25, num_classes=2)
    card: dict[str, Any] = {
        "architecture": {"name": "microbotnet", "width": 0.25, "num_classes": 2, "input_size": 32},
        "data": {"classes": ["nut", "bolt"], "mean": [0.5] * 3, "std": [0.25] * 3},
    }
    with pytest.raises(BadInput, match="the module has no card: say what it is"):
        microbotnet.save_pretrained(model, tmp_path / "one")
    broken = {**card, "architecture": {"name": "microbotnet", "width": 0.25, "num_classes": 2}}
    with pytest.raises(BadInput, match=r"the card: field missing or wrong: 'input_size'"):
        microbotnet.save_pretrained(model, tmp_path / "one", card=broken)
    other = {**card, "architecture": {**card["architecture"], "num_classes": 10}}
    with pytest.raises(BadInput, match=r"2×.* in the module, 10×.* in a microbotnet as its card says"):
        microbotnet.save_pretrained(model, tmp_path / "one", card=other)
    assert not (tmp_path / "one").exists()
    microbotnet.save_pretrained(model, tmp_path / "one", card=card)
    again = microbotnet.from_pretrained(tmp_path / "one")
    assert again.pretrained_cfg["label_names"] == ("nut", "bolt")
    assert same(again, model)


def test_models_are_listed_by_a_pattern() -> None:
    assert microbotnet.list_models("grain-?") == ["grain-l", "grain-m", "grain-s"]
    assert set(microbotnet.list_models()) == set(microbotnet.net_names())
    assert microbotnet.list_models(pretrained=True) == sorted(shipped_cards())
    assert microbotnet.list_models("*-ttq", pretrained=True) == sorted(n for n in shipped_cards() if n.endswith("-ttq"))
    assert microbotnet.list_models("resnet1001") == []
