"""BMP: headers of all kinds, run lengths, pixels."""
