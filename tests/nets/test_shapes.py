"""Networks without values: the shapes of those that have some, and soon made."""

import subprocess
import sys

import pytest

from microbotnet.nets import create_model, without_values


@pytest.mark.parametrize("name", ["microbotnet", "mobilenet-v1", "resnet8", "ds-cnn", "grain-s"])
def test_they_have_the_shapes_of_those_with_values(name: str) -> None:
    with without_values():
        shapes = create_model(name).state_dict()
    values = create_model(name).state_dict()
    assert {key: each.shape for key, each in shapes.items()} == {key: each.shape for key, each in values.items()}
    assert all(each.is_meta for each in shapes.values())
    assert not any(each.is_meta for each in values.values())


def test_their_costs_do_not_need_torchs_compiler() -> None:
    """Which takes seconds to import."""
    code = (
        "import sys; from microbotnet.show.profiled import untrained\n"
        "untrained('microbotnet'); untrained('resnet8', classes=2); print('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("False\n", "")
