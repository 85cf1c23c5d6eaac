"""How good the colors are, by one pinned protocol."""
