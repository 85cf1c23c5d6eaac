"""Color photos to learn from and to measure on."""
