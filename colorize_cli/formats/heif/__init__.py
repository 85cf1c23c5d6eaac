"""HEIC and AVIF: boxes, sizes, pixels."""
