"""One CIE Lab for training, evaluation and colorization."""
