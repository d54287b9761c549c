#!/usr/bin/env bash
# tract: files are loaded and run, but some operators are not what ONNX defines.
#
# Guess: a runtime that accepts an operator with its attributes computes it, and refuses what it does not know.
# Seen:  an RNN, a GRU and an LSTM with direction="reverse" read the sequence forwards, without a word; "bidirectional" is right.
#        `clip` does nothing in any of the three. Celu with alpha=2 of -2 is -0.63 instead of -1.26. GlobalLpPool gives a signed mean:
#        3 and -3 make 0 with p=1 instead of 6. Softplus of 100 is infinite. Each differs from the
#        definition, which is written out below.
# With:  numpy==2.4.6, onnx==1.23.2, tract==0.23.9 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 onnx==1.23.2 tract==0.23.9
cd "$room"
"$room/venv/bin/python" - <<'END'
import numpy as np
import tract
from onnx import TensorProto, checker, helper, numpy_helper, save


def answer(operator, x, *constants, **attributes):
    """The first output of one operator of x and of constants, where None is an input left out."""
    names = ["" if value is None else f"c{i}" for i, value in enumerate(constants)]
    node = helper.make_node(operator, ["x", *names], ["y"], **attributes)
    kept = [numpy_helper.from_array(value, name) for value, name in zip(constants, names, strict=True) if name]
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)
    made = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * 4)
    graph = helper.make_graph([node], "g", [given], [made], kept)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    checker.check_model(model, full_check=True)
    save(model, "network.onnx")
    return tract.onnx().load("network.onnx").into_model().into_runnable().run([x])[0].to_numpy()


def recurrent(x, w, r, clip=np.inf):
    """A plain RNN without biases, from the first step to the last: h = tanh(clip(x W + h R))."""
    h, made = np.zeros((x.shape[1], r.shape[1])), []
    for step in x:
        h = np.tanh(np.clip(step @ w[0].T + h @ r[0].T, -clip, clip))
        made.append(h)
    return np.array(made)[:, None]


def row(*values):
    return np.array(values, np.float32).reshape(1, 1, 1, -1)


random = np.random.default_rng(0)
x = random.standard_normal((5, 2, 3)).astype(np.float32)
for operator, gates in (("RNN", 1), ("GRU", 3), ("LSTM", 4)):
    w, r = (random.standard_normal((2, gates * 4, n)).astype(np.float32) for n in (3, 4))
    forwards = answer(operator, x, w[:1], r[:1], hidden_size=4)
    backwards = answer(operator, x, w[:1], r[:1], hidden_size=4, direction="reverse")
    right = answer(operator, x[::-1].copy(), w[:1], r[:1], hidden_size=4)[::-1]
    both = answer(operator, x, np.stack([w[1], w[0]]), np.stack([r[1], r[0]]), hidden_size=4, direction="bidirectional")
    clipped = answer(operator, x, w[:1], r[:1], hidden_size=4, clip=0.1)
    print(f"{operator:4}: reverse is off by {abs(backwards - right).max():.2f},", end=" ")
    print(f"from forward by {abs(backwards - forwards).max():.2f}; clip changes {abs(clipped - forwards).max():.2f}")
    assert (backwards == forwards).all() and not np.allclose(backwards, right, atol=0.1)
    assert np.allclose(both[:, 1:], right, atol=1e-5)
    assert (clipped == forwards).all()
    if operator == "RNN":
        assert np.allclose(forwards, recurrent(x, w[:1], r[:1]), atol=1e-5)
        assert np.allclose(right, recurrent(x[::-1], w[:1], r[:1])[::-1], atol=1e-5)
        assert not np.allclose(clipped, recurrent(x, w[:1], r[:1], 0.1), atol=0.1)

x = row(-2, -1, 0, 1)
for alpha in (1.0, 2.0):
    seen = answer("Celu", x, alpha=alpha)
    right = np.maximum(x, 0) + np.minimum(alpha * (np.exp(x / alpha) - 1), 0)
    print(f"Celu of -2, alpha {alpha:.0f}: {seen[0, 0, 0, 0]:.3f} instead of {right[0, 0, 0, 0]:.3f}")
    assert np.allclose(seen, right, atol=1e-5) == (alpha == 1)

for values, p in (((3, -3), 1), ((3, 4), 2)):
    x = row(*values)
    seen, right = answer("GlobalLpPool", x, p=p).item(), (abs(x) ** p).sum().item() ** (1 / p)
    print("GlobalLpPool of", *values, f"with p={p}: {seen:.3f} instead of {right:.3f}")
    assert abs(seen - right) > 1

seen = answer("Softplus", row(80, 100)).ravel()
print("Softplus of 80 and 100:", *seen)
assert seen[0] == 80 and seen[1] == np.inf
END
