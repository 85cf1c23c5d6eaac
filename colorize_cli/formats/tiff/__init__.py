"""TIFF: tags, pages, strips and tiles, pyramids."""
