"""JPEG 2000: boxes and what decoding costs."""
