"""The version of earwitness."""

__version__ = "0.1.0"
