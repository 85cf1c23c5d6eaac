"""Training: a recipe and a data set in, a checkpoint that `colorize` reads out."""
