"""What vividness means to a network: exponent and temperature between those of its ends."""

from __future__ import annotations

import pytest

from colorize_cli.models.vividness import Reading


def test_it_runs_from_end_to_end_by_equal_steps_or_equal_factors() -> None:
    ends = {"safest": (0.0, 1.0), "most_vivid": (2.0, 0.25)}
    even, geometric = Reading(0.5, **ends), Reading(0.5, **ends, geometric=True)
    for one in (even, geometric):
        assert one.at(0.0) == (0.0, 1.0) and one.at(1.0) == (2.0, 0.25)
        assert one.at(None) == one.at(0.5)
    assert even.at(0.25) == pytest.approx((0.5, 0.8125))
    assert geometric.at(0.5) == pytest.approx((1.0, 0.5))
    assert even.weighs and not Reading(0.5, (0.0, 1.0), (0.0, 0.5), posterior=(0.0, 1.0)).weighs
