"""The command line: the only room with Typer and Rich."""
