"""What a network costs, read from its graph: multiply-accumulates, memory, energy."""
