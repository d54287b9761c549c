"""Integer programs: what a network computes on a chip, to the last bit. Needs no torch."""
