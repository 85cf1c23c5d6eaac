"""One photo: opened, predicted, colored, verified."""
