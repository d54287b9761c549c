"""Picture sets, read from the layouts of their publishers."""
