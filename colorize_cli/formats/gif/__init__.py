"""GIF: blocks and frames."""
