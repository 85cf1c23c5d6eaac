"""PNG: chunks, pixels, metadata."""
