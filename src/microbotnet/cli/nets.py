"""`microbotnet nets`: the networks there are."""

from rich.table import Table

from .output import Json, print_json, stdout


def nets(json: Json = False) -> None:
    """List the networks."""
    from ..nets import find_net, net_names

    rows = [find_net(name) for name in net_names()]
    if json:
        print_json({"nets": [{"name": n.name, "input_size": n.input_size, "summary": n.summary} for n in rows]})
        return
    table = Table("name", "paper's input", "what it is", box=None, pad_edge=False)
    for net in rows:
        table.add_row(net.name, f"{net.input_size}×{net.input_size}", net.summary)
    stdout.print(table)
