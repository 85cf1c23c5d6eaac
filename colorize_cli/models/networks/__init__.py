"""The networks, one file each; they know neither the list of models nor where weights come from."""
