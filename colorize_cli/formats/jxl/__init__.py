"""JPEG XL: boxes, header, pixels."""
