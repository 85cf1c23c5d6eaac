"""`python -m colorize_cli` is `colorize`."""

from colorize_cli.cli.app import main

main()
