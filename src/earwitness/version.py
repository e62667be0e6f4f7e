"""The version of earwitness."""

__version__ = "0.2.0"
