"""How good the colours are, by one pinned protocol."""
