"""`python -m earwitness`: the same as the command."""

from earwitness.cli import app

app()
