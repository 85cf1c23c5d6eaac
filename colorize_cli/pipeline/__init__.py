"""Many photos: one outcome each."""
