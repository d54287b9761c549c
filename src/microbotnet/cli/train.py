"""`microbotnet train`: a network from a recipe."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from ..errors import BadInput
from .checkpoint import SUBJECT, InputShape, Mean, Std, Weights
from .output import Json, print_json, stderr, stdout
from .pictures import Data, Split

DESIGN = "grain-1m"
"""What is trained if nothing else is asked for: the most accurate design with under a million MACs."""
_FROM_RECIPE = "Instead of the recipe's."


def train(
    recipe: Annotated[
        str,
        typer.Argument(
            metavar="RECIPE|FILE.toml", help="A recipe's name (modern, ternary, transfer, …) or a TOML file."
        ),
    ],
    net: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="Which network: a name that `microbotnet nets` lists, or a design's file.",
            show_default=DESIGN,
        ),
    ] = None,
    width: Annotated[
        float | None,
        typer.Option(
            help="Width multiplier; without --net, that of MicroBotNet.",
            show_default="0.32 for MicroBotNet, 1 for others",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of all random numbers.", min=0)] = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the result; a stopped training in it is continued.",
            show_default="runs/RECIPE-NET-WIDTH-seedSEED",
        ),
    ] = None,
    data: Data = None,
    split: Split = None,
    begin: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="CHECKPOINT",
            help=f"The network and weights to begin with; its classes may be others, and with --net its blocks and "
            f"inner channels more or fewer, its kernels larger. {SUBJECT}",
        ),
    ] = None,
    weights: Weights = None,
    input_shape: InputShape = None,
    mean: Mean = None,
    std: Std = None,
    tune: Annotated[
        str, typer.Option(help="How much changes: all, head (the last layer), or gradual (from the head down).")
    ] = "all",
    input_size: Annotated[
        int | None,
        typer.Option(help="Side of the network's pictures.", show_default="that of --from or the design, or 32", min=1),
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE.toml", help="Train with quantized weights: which layers (see `quantize`)."),
    ] = None,
    quantizer: Annotated[
        str, typer.Option(help="With --policy, how: ttq, one-negative-one, twn, absmean or binary.")
    ] = "one-negative-one",
    threshold: Annotated[
        float | None,
        typer.Option(
            help="With --policy, weights up to this share of the kernel's largest become 0 (twn: of its mean)."
        ),
    ] = None,
    activations: Annotated[
        int | None,
        typer.Option(
            metavar="8|4|1", help="Train with activations rounded to this many bits, as integer engines compute them."
        ),
    ] = None,
    scales: Annotated[
        str,
        typer.Option(
            metavar="any|power-of-two", help="With --activations: scales that an integer engine applies by shifting."
        ),
    ] = "any",
    teacher: Annotated[
        str | None,
        typer.Option(
            help="A trained network whose outputs the training follows (distillation); several as A,B,…: the "
            "mean of their outputs."
        ),
    ] = None,
    unlabelled: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FOLDER",
            help="With --teacher, more pictures, whose classes nobody has to know: there its outputs alone are "
            "followed. A set that --data can name, or any folder; several as A,B,….",
        ),
    ] = None,
    distillation: Annotated[
        float | None, typer.Option(help=_FROM_RECIPE + " Share of the loss that is distillation, 0…1.")
    ] = None,
    temperature: Annotated[float | None, typer.Option(help=_FROM_RECIPE + " Temperature of distillation.")] = None,
    views: Annotated[
        int | None,
        typer.Option(
            help=_FROM_RECIPE + " With --teacher, how many views of the pictures it answers once and for all; 0: it "
            "answers in every step.",
            min=0,
        ),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help=_FROM_RECIPE)] = None,
    batch: Annotated[int | None, typer.Option(help=_FROM_RECIPE + " Batch size, over all processes.")] = None,
    learning_rate: Annotated[float | None, typer.Option("--lr", help=_FROM_RECIPE)] = None,
    holdout: Annotated[
        int | None,
        typer.Option(help=_FROM_RECIPE + " How many training pictures are kept out of training, to choose by."),
    ] = None,
    accelerator: Annotated[str, typer.Option(help="cpu, cuda, mps or auto.")] = "auto",
    devices: Annotated[
        int, typer.Option(help="Processes on this machine; each has a GPU of its own, or shares the CPU.", min=1)
    ] = 1,
    nodes: Annotated[
        int, typer.Option(help="Machines; start the command on each, as lightning-fabric describes.", min=1)
    ] = 1,
    precision: Annotated[str, typer.Option(help="32-true, bf16-mixed, bf16-true or 16-mixed.")] = "32-true",
    json: Json = False,
) -> None:
    """Train a network on CIFAR-10 or other pictures. The same command again continues a stopped training."""
    from ..data.source import CIFAR10, open_source
    from ..nets import find_net
    from ..sources import Given
    from ..training.launch import make_fabric
    from ..training.recipe import load_recipe
    from ..training.session import train_on

    if teacher is None and any(option is not None for option in (unlabelled, distillation, temperature, views)):
        raise BadInput(
            "--unlabelled, --distillation, --temperature and --views say how a teacher is followed; give --teacher too"
        )
    more = [] if unlabelled is None else unlabelled.split(",")
    changes = {
        "epochs": epochs, "batch": batch, "learning_rate": learning_rate, "holdout": holdout,
        "distillation": distillation, "temperature": temperature, "views": views,
    }  # fmt: skip
    plan = load_recipe(recipe, changes)
    if begin is not None and width is not None:
        raise BadInput("--from brings its own width; leave out --width")
    if begin is None and any(option is not None for option in (weights, input_shape, mean, std)):
        raise BadInput("--weights, --input-shape, --mean and --std are for a network from outside; give --from too")
    if threshold is not None and policy is None:
        raise BadInput("--threshold is for quantized kernels; give --policy too")
    found = find_net(net or (DESIGN if width is None else "microbotnet"))
    if width is None:
        width = 0.32 if found.widths and found.name.startswith("microbotnet") else 1.0
    if input_size is None and begin is None and found.design:
        input_size = found.design.resolution
    source = open_source(data, size=input_size or 32, split=split)
    label = Path(begin).name.removesuffix(".safetensors") if begin else f"{found.name}-{width:g}"
    label += f"-to-{found.name}" if begin and net else ""
    label += f"-{quantizer}-{Path(policy).stem}" if policy else ""
    label += f"-{Path(data).name}" if data not in (None, CIFAR10) else ""
    label += "".join(f"-and-{Path(name).name}" for name in more)
    label += f"-a{activations}" if activations else ""
    label += "-shifts" if scales != "any" else ""
    label += f"-{tune}" if tune != "all" else ""
    label += f"-holdout{holdout}" if holdout else ""
    folder = out or Path("runs") / f"{Path(recipe).stem}-{label}-seed{seed}"
    fabric = make_fabric(accelerator, devices, nodes, precision)
    columns = (
        TextColumn("[bold]{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TextColumn("left"), TimeRemainingColumn(),
    )  # fmt: skip
    shown = fabric.is_global_zero and stderr.is_terminal  # elsewhere the lines of the epochs say how far it is
    with Progress(*columns, console=stderr, disable=not shown) as progress:
        bars: list[TaskID] = []

        def on_step(done: int, total: int) -> None:
            if not bars:  # made here, so that a resumed training's speed is not taken from its first jump
                bars.append(progress.add_task(label, total=total, completed=done - 1))
            progress.update(bars[0], completed=done)

        def on_epoch(record: dict[str, Any]) -> None:
            held = f"  held out {record['holdout_top1']:5.2f} %" if "holdout_top1" in record else ""
            if fabric.is_global_zero:
                progress.console.print(
                    f"epoch {record['epoch']:3d}/{plan.epochs}  loss {record['loss']:.4f}  "
                    f"train {record['train_top1']:5.2f} %{held}  {record['seconds']:.1f} s"
                )

        outcome = train_on(
            source, plan, recipe, folder, net=net if begin else net or found.name, width=width, begin=begin, tune=tune,
            given=Given.of(weights=weights, input_shape=input_shape, mean=mean, std=std),
            input_size=input_size, policy=policy, quantizer=quantizer, threshold=threshold, activations=activations,
            scales=scales, seed=seed, teacher=teacher, unlabelled=more, fabric=fabric, on_step=on_step,
            on_epoch=on_epoch,
        )  # fmt: skip
    if not fabric.is_global_zero:
        return
    metrics = outcome.card["metrics"]
    if json:
        print_json({"checkpoint": str(outcome.checkpoint), **metrics, "epochs": outcome.history})
    else:
        stdout.print(
            f"top-1 {metrics['top1']:.2f} % on {metrics['test_pictures']:,} test pictures; {outcome.checkpoint}"
        )
