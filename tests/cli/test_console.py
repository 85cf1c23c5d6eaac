"""What is said after an interrupt is seen, though it came in the middle of a line."""

from __future__ import annotations

import pytest

from colorize_cli.cli import app, console


def test_an_interrupt_in_the_middle_of_a_line_silences_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        console.stderr.__enter__()  # as rich does before it prints, and undoes afterwards
        raise KeyboardInterrupt

    monkeypatch.setattr(app, "app", interrupted)
    before = console.stderr
    assert app.main(["models", "list"]) == 130
    assert capsys.readouterr().err == "Interrupted.\n"
    assert console.stderr is not before
