"""The program: `colorize`, or `python -m colorize_cli`."""

from __future__ import annotations

import gc

from colorize_cli.cli.interrupts import end_at_signals


def main() -> None:
    """Run the command line; exits with its status."""
    end_at_signals()  # before the libraries load
    gc.disable()  # what they make while they load stays: see `collect_from_now_on`
    from colorize_cli.cli.app import main as run

    run()


if __name__ == "__main__":
    main()
