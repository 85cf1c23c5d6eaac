from __future__ import annotations

import pytest

from colorize_cli.errors import UsageError
from colorize_cli.evaluation.columns import MetricName, parse_metrics


@pytest.mark.parametrize("typed", [["psnr", "ssim"], ["psnr,ssim"], ["psnr, ssim", "psnr"], ["PSNR", "", "ssim"]])
def test_words_commas_and_repeats_mean_the_same(typed: list[str]):
    assert parse_metrics(typed) == [MetricName.psnr, MetricName.ssim]


@pytest.mark.parametrize(
    ("typed", "meant"), [("pnsr", "psnr"), ("colourfulness", "colorfulness"), ("inception", "inception_score")]
)
def test_a_misspelt_metric_gets_the_nearest_name(typed: str, meant: str):
    with pytest.raises(UsageError, match=f'Did you mean "{meant}"'):
        parse_metrics([typed])


def test_dashes_are_forgiven_and_nothing_is_not():
    assert parse_metrics(["delta-e"]) == [MetricName.delta_e]
    with pytest.raises(UsageError, match="no metric"):
        parse_metrics([","])


def test_the_former_name_of_the_discriminators_metric_is_read():
    assert parse_metrics(["psnr", "critic", "discriminator"]) == [MetricName.psnr, MetricName.discriminator]
