"""One photo, then many."""
