"""A network as a graph of operators: traced once, read by every count, drawing and lowering."""

from .graph import Graph, Node, Parameter

__all__ = ["Graph", "Node", "Parameter"]
