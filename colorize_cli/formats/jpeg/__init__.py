"""JPEG: marker structure, pixels, metadata, several pictures in one file."""
