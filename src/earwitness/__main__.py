"""`python -m earwitness`: the same as the command."""

from earwitness.cli.main import app

app()
