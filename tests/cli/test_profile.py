import csv
import io
import json
from pathlib import Path

import pytest

from .command import microbotnet

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "microbotnet"


def test_json_has_the_published_counts() -> None:
    options = ["--width", "0.32", "--input-size", "32", "--classes", "10", "--json"]
    done = microbotnet("profile", "microbotnet", *options)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["parameters"] == 236_658
    assert found["macs"] == {"conv_linear": 782_368, "thop_2020": 932_886}
    assert sum(layer["parameters"] for layer in found["layers"]) == 236_658
    assert sum(layer["macs"]["thop_2020"] for layer in found["layers"]) == 932_886
    assert found["layers"][0]["output_shape"] == [8, 16, 16]
    assert done.stderr == ""
    assert set(found["memory"]["weight_bytes"]) == {"float32", "int8", "ternary_2bit", "sparse_ternary"}
    assert found["memory"]["weight_bytes"]["float32"] == 4 * 236_658
    assert found["memory"]["peak_activation_bytes"] == (8 + 24) * 16 * 16
    energy = found["energy_pj"]
    assert energy["preset"] == "horowitz-45nm"
    assert abs(energy["arithmetic"] + energy["weights"] + energy["activations"] - energy["total"]) < 1
    assert abs(sum(sum(layer["energy_pj"].values()) for layer in found["layers"]) - energy["total"]) < 1


def test_the_table_fits_100_columns_and_has_totals() -> None:
    done = microbotnet("profile", "microbotnet", "--width", "0.32")
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 100
    assert "Over 1 µJ" in done.stdout
    for number in ("236,658", "782,368", "932,886"):
        assert number in done.stdout


def test_csv_has_the_same_totals() -> None:
    rows = list(csv.DictReader(io.StringIO(microbotnet("profile", "microbotnet", "--width", "0.32", "--csv").stdout)))
    assert sum(int(row["macs_conv_linear"]) for row in rows) == 782_368
    assert rows[0]["output_shape"] == "8×16×16"


def test_explain_fills_in_the_formula() -> None:
    text = microbotnet("profile", "microbotnet", "--width", "0.32", "--explain").stdout
    assert "Conv2d(3, 8, 3×3, stride 2)" in text
    assert "(8 × 16 × 16) × 3 × (3 × 3) = 2,048 × 27 = 55,296" in text
    for words in ("Depthwise convolution", "Pointwise convolution", "squeeze-and-excite", "h-swish", "Batch norm"):
        assert words in text


def test_energy_by_the_notes_a_file_or_another_process(tmp_path: Path) -> None:
    assert "Under 1 µJ: 0.93 µJ" in microbotnet("profile", "microbotnet", "--width", "0.32", "--energy", "notes").stdout
    missing = tmp_path / "mine.toml"
    missing.write_text('macs = "conv_linear"\n')
    done = microbotnet("profile", "microbotnet", "--energy", str(missing))
    assert done.returncode == 2
    assert "mine.toml: the constant arithmetic_pj.mac_int8 is missing" in done.stderr
    scaled = json.loads(microbotnet("profile", "microbotnet", "--node", "22", "--json").stdout)["energy_pj"]
    assert scaled["preset"] == "horowitz-45nm at 22 nm"


def test_a_trained_ternary_network(shared: Path) -> None:
    file = str(shared / "checkpoints" / "micro_one_neg_one_x0_32.pytorch_state")
    found = json.loads(microbotnet("profile", "--checkpoint", file, "--json").stdout)
    assert found["parameters"] == 236_658
    assert found["macs_without_zero_weights"] < found["macs"]["conv_linear"] / 2
    assert found["energy_pj"]["under_1_uj"]


@pytest.mark.parametrize("command", ["profile", "render", "compare"])
def test_weights_need_no_option_where_the_network_stands(command: str, tmp_path: Path) -> None:
    for suffix in ("safetensors", "json"):
        (tmp_path / f"model.{suffix}").write_bytes((PACKAGE / "weights" / f"grain-xs-ternary.{suffix}").read_bytes())
    output = () if command == "profile" else ("-o", str(tmp_path / ("n.svg" if command == "render" else "n.html")))
    done = microbotnet(command, str(tmp_path / "model.safetensors"), *output, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    row = found if command != "compare" else found["rows"][0]
    assert row["parameters"] == 8_572
    assert row["macs"]["conv_linear"] == 50_864


@pytest.mark.parametrize("command", ["profile", "compare"])
def test_the_file_of_a_design_is_a_network_without_weights(command: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text((PACKAGE / "design" / "designs" / "grain-xs.toml").read_text())
    found = json.loads(microbotnet(command, str(file), "--json").stdout)
    row = found if command == "profile" else found["rows"][0]
    assert row["parameters"] == 8_572
    done = microbotnet("profile", "--checkpoint", str(file))
    assert done.returncode == 2
    assert f"{file}: holds no weights; train a design first: microbotnet train modern --net" in done.stderr


def test_activations_of_four_bits_are_priced_so(tmp_path: Path) -> None:
    from microbotnet.nets import architecture, create_model
    from microbotnet.quant.activations import quantize_activations
    from microbotnet.training.checkpoint import save_checkpoint

    made = architecture("grain-xs", 10)
    reads = {}
    for bits in (8, 4):
        quantize_activations(model := create_model(**made), bits, (3, 16, 16))
        card = {"architecture": made, "quantization": {"policy": "none", "activations": {"bits": bits}}}
        card |= {"data": {"name": "mine", "classes": [*"abcdefghij"], "mean": [0.5] * 3, "std": [0.5] * 3}}
        save_checkpoint(tmp_path / "model.safetensors", model, card)
        energy = json.loads(
            microbotnet("profile", "--checkpoint", str(tmp_path / "model.safetensors"), "--json").stdout
        )["energy_pj"]
        assert energy["activation_bits"] == bits
        reads[bits] = energy["activations"]
    assert 0.5 < reads[4] / reads[8] < 0.75  # the picture keeps its 8 bits


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["microbotnt"], "did you mean 'microbotnet'"),
        (["microbotnet", "--width", "0"], "width"),
        (["microbotnet", "--input-size", "0"], "input size"),
        (["microbotnet", "--classes", "0"], "classes"),
        (["microbotnet", "--energy", "horowits"], "horowitz-45nm"),
        (["microbotnet", "--json", "--csv"], "one of"),
        ([], "--checkpoint"),
        (["runs/nowhere/model.safetensors"], "no such checkpoint"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(args: list[str], words: str) -> None:
    done = microbotnet("profile", *args)
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_totals_leave_out_the_layers() -> None:
    done = microbotnet("profile", "microbotnet", "--width", "0.32", "--totals")
    assert done.returncode == 0, done.stderr
    for words in ("236,658", "782,368 in conv_linear", "932,886 in thop_2020", "Over 1 µJ"):
        assert words in done.stdout
    assert "features." not in done.stdout.split("weights")[0]
    assert microbotnet("profile", "microbotnet", "--totals", "--json").returncode == 2


def test_profile_prints_the_account_of_the_binary_chip() -> None:
    done = microbotnet("profile", "binarynet-chip", "--totals")
    assert done.returncode == 0, done.stderr
    assert "at 1 bit     261.5 kB of kernels: 256.0 kB of convolutions, 5.5 kB of linears" in done.stdout
    assert done.stderr == ""
