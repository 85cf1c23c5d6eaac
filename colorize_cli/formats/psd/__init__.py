"""Photoshop documents: header and the flattened picture."""
