"""`python -m microbotnet`."""

from .cli import main

main()
