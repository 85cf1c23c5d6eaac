"""Networks, and the registry that finds, checks and loads their weights."""
