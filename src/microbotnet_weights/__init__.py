"""Weights and integer programs of the larger networks of microbotnet; their cards and graphs are in `microbotnet`."""
