"""How the documentation site is built: `make docs`."""

import microbotnet

project = "microbotnet"
author = "the microbotnet developers"
copyright = "the microbotnet developers"
version = release = microbotnet.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "microbotnet"
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4
autodoc_typehints = "description"
autodoc_member_order = "bysource"
napoleon_google_docstring = True
default_role = "code"  # our docstrings mark code with single backticks


def setup(app):
    """Our docstrings write (N, *shape), which reStructuredText would take for emphasis."""

    def escape(app, what, name, obj, options, lines):
        block = None  # how far the line before a block of code is indented
        for i, line in enumerate(lines):
            indent = len(line) - len(line.lstrip())
            if block is not None and line.strip() and indent <= block:
                block = None
            if block is None:
                lines[i] = line.replace("*", r"\*")
                block = indent if line.endswith("::") else None

    app.connect("autodoc-process-docstring", escape, priority=1)
