"""`microbotnet demo`: a page to play with."""

from typing import Annotated

import typer

from .output import stdout


def demo(
    host: Annotated[str, typer.Option(help="The address to listen on; 0.0.0.0 lets other machines in.")] = "127.0.0.1",
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="The port.", show_default="the first free one from 7860 on")
    ] = None,
    checkpoint: Annotated[
        str | None,
        typer.Option(help="The network that the page begins with: a name that `microbotnet weights` lists, or a file."),
    ] = None,
) -> None:
    """Serve a page: drop a picture or use the webcam, and see classes, activation map, activity and cost.

    It listens on this computer alone unless told otherwise, and needs no internet. Browsers give pages the webcam only
    on this computer or over HTTPS. Ctrl-C ends it.
    """
    import torch

    from ..demo.page import serve

    torch.set_num_threads(1)  # small networks: more threads wait for each other longer than they compute
    page, address = serve(host, port, checkpoint)
    stdout.print(f"{address}  (Ctrl-C ends it)", markup=False, soft_wrap=True)
    page.block_thread()
