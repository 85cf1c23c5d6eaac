"""The classical methods, and hints for the networks."""
