"""Files to arrays and back, with everything that lies beside the pixels; no torch here."""
