"""Frames instead of pictures: where they come from, and how the last few of them decide together."""
