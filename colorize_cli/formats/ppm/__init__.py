"""PBM, PGM and PPM."""
