"""The page itself, in Gradio. It fetches nothing from anywhere but this server."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import gradio as gr

from ..errors import BadInput, Failed
from .answer import CSS, Answer, answer, complaint, note
from .networks import is_slow, offered, open_network

_EMPTY = Answer(note("Drop a picture, take one with the webcam, or choose one of the small ones."), "")
_BUILDING = note("Building the firmware, once for each network. This takes ten seconds or more.")
_PAGE_CSS = """
.gradio-container{width:100%!important;max-width:1180px!important;margin:0 auto!important}
footer{display:none!important}
#picture img{width:100%;height:100%;object-fit:contain}
#network input{text-overflow:ellipsis;padding-right:30px}
#examples button{width:42px;height:42px}
#summary>div,#drawing>div{padding:0!important}
"""
_INTRO = (
    "# microbotnet\n"
    "An image classifier for a chip that may spend one microjoule on a picture. Pictures stay on this computer."
)


def build_page(checkpoint: str | None = None) -> gr.Blocks:
    """The page; `checkpoint` is the network chosen at first (a shipped name or a file).

    Raises:
        BadInput: no such checkpoint.
    """
    choices = offered(checkpoint)
    first = next(iter(choices.values()))
    open_network(first)
    pictures = sorted(str(path) for path in Path(str(files("microbotnet") / "demo" / "pictures")).glob("*.png"))

    def show(file: str | None, name: str) -> tuple[str, str]:
        shown = _EMPTY if file is None else _shown(file, name)
        return shown.summary, shown.drawing

    def wait(file: str | None, name: str) -> Any:
        return _BUILDING if file is not None and is_slow(name) else gr.skip()

    with gr.Blocks(title="microbotnet", analytics_enabled=False, delete_cache=(3600, 3600)) as page:
        gr.Markdown(_INTRO)
        with gr.Row():
            with gr.Column(scale=4, min_width=300):
                picture = gr.Image(
                    value=next((file for file in pictures if file.endswith("frog.png")), None),
                    label="Picture",
                    sources=["upload", "webcam", "clipboard"],
                    type="filepath",
                    image_mode=None,
                    height=300,
                    elem_id="picture",
                    buttons=[],
                )
                picture.preprocess = _file  # unopened: what is wrong with it, our own reader says best
                network = gr.Dropdown(list(choices.items()), value=first, label="Network", elem_id="network")
                gr.Examples(pictures, picture, label="Pictures of CIFAR-10's test set", elem_id="examples")
            with gr.Column(scale=5, min_width=300):
                summary = gr.HTML(elem_id="summary", padding=False)
        drawing = gr.HTML(elem_id="drawing", padding=False)
        outputs = [summary, drawing]
        inputs = [picture, network]
        chosen = network.change(wait, inputs, summary, show_progress="hidden", api_name=False, queue=False)
        for number, event in enumerate((page.load, picture.change, chosen.then)):
            event(show, inputs, outputs, show_progress="hidden", api_name="show" if number == 0 else False)
    return page


def _file(payload: Any) -> str | None:
    """Where the picture that came from the browser is."""
    return payload.path if payload else None


def _shown(file: str, name: str) -> Answer:
    try:
        return answer(file, open_network(name))
    except (BadInput, Failed) as error:
        return complaint(str(error).replace(str(Path(file).parent) + "/", ""))


def serve(host: str = "127.0.0.1", port: int | None = None, checkpoint: str | None = None) -> tuple[gr.Blocks, str]:
    """Start the page's server in the background; the page and its address.

    Args:
        host: the address to listen on; the loopback alone unless another is given.
        port: None takes the first free one from 7860 on; 0 is not one.
        checkpoint: see `build_page`.

    Raises:
        BadInput: no such checkpoint. Failed: nothing can listen there.
    """
    page = build_page(checkpoint)
    try:
        _, address, _ = page.launch(
            server_name=host,
            server_port=port,
            prevent_thread_lock=True,
            share=False,
            quiet=True,
            show_error=True,
            ssr_mode=False,
            enable_monitoring=False,
            footer_links=[],
            theme=gr.themes.Default(font=("Helvetica", "Arial", "sans-serif"), font_mono=("monospace",)),
            css=CSS + _PAGE_CSS,
        )
    except OSError as error:
        raise Failed(f"cannot listen on {host}{f' port {port}' if port else ''}: {error}") from None
    return page, address
