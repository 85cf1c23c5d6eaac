"""Blocks of metadata as fields: read, edited where they lie, written back."""
