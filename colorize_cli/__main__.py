"""The program: `colorize`, or `python -m colorize_cli`."""

from __future__ import annotations

from colorize_cli.cli.interrupts import end_at_signals


def main() -> None:
    """Run the command line; exits with its status."""
    end_at_signals()  # before the libraries load
    from colorize_cli.cli.app import main as run

    run()


if __name__ == "__main__":
    main()
