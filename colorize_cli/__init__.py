"""Restore the colour of black-and-white photos, a folder at a time."""

__version__ = "0.1.0"
