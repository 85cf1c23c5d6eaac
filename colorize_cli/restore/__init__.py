"""Repair of the lightness plane."""
