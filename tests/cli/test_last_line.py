"""Progress where stderr is no terminal: no line stays half way."""

from __future__ import annotations

import pytest

from colorize_cli.cli.progress import Meter


def test_the_last_line_says_that_all_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    with Meter("Colorizing", at_once=True) as meter:
        for done in (1, 2, 19, 20, 20):
            meter.show(done, 20, info=f"{done} of 20,")
    assert capsys.readouterr().err.splitlines() == ["Colorizing: 5.0 %, 1 of 20,", "Colorizing: 100.0 %, 20 of 20,"]


def test_a_run_that_was_shorter_than_a_line_s_time_says_none(capsys: pytest.CaptureFixture[str]) -> None:
    with Meter("Colorizing") as meter:
        for done in range(1, 21):
            meter.show(done, 20)
    assert capsys.readouterr().err == ""
