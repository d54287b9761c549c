"""`microbotnet nets`: the networks there are."""

from rich.table import Table

from .output import Json, print_json, stdout


def nets(json: Json = False) -> None:
    """List the networks."""
    from ..graph.graph import times
    from ..nets import find_net, net_names

    rows = [find_net(name) for name in net_names()]
    if json:
        keys = ("name", "input_shape", "input_size", "summary")
        print_json({"nets": [{key: getattr(net, key) for key in keys} for net in rows]})
        return
    table = Table("name", "paper's input", "what it is", box=None, pad_edge=False)
    for net in rows:
        table.add_row(net.name, times(net.input_shape), net.summary)
    stdout.print(table)
