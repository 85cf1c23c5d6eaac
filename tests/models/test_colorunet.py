from __future__ import annotations

from pathlib import Path

import torch

from colorize_cli.color.gpu import split
from colorize_cli.models.catalog import catalogue
from colorize_cli.models.checkpoint import CheckpointInfo, save_checkpoint
from colorize_cli.models.load import load_model
from colorize_cli.models.networks.colorunet import ColorUnet, ab_from_yuv, most_frequent_colors, yuv_from_lab


def test_yuv_is_bt601() -> None:
    red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)
    yuv = yuv_from_lab(*split(red)).flatten()
    torch.testing.assert_close(yuv, torch.tensor([0.299, -0.492 * 0.299, 0.877 * 0.701]), atol=2e-3, rtol=0)


def test_yuv_and_back() -> None:
    torch.manual_seed(0)
    lightness, ab = split(torch.rand(2, 3, 4, 5) * 0.8 + 0.1)
    yuv = yuv_from_lab(lightness, ab)
    torch.testing.assert_close(ab_from_yuv(yuv[:, :1], yuv[:, 1:]), ab, atol=0.05, rtol=0)


def test_the_palette_is_the_fullest_cells_and_others_go_to_the_nearest() -> None:
    common, rare, lone = torch.tensor([0.1, 0.1]), torch.tensor([-0.2, 0.3]), torch.tensor([-0.3, 0.3])
    uv = torch.cat((common.expand(60, 2), rare.expand(30, 2), lone.expand(10, 2)))
    palette, share = most_frequent_colors(uv, 2)
    torch.testing.assert_close(palette, torch.stack((common, rare)))
    torch.testing.assert_close(share, torch.tensor([0.6, 0.4]))  # the lone ones are counted with `rare`


def test_too_few_colors_fill_the_palette_with_classes_that_never_occur() -> None:
    palette, share = most_frequent_colors(torch.zeros(5, 2), 4)
    assert palette.shape == (4, 2) and share.tolist() == [1, 0, 0, 0]


def test_sure_logits_decode_to_their_color() -> None:
    torch.manual_seed(0)
    network = ColorUnet(widths=(4, 8), colors=3)
    lightness, ab = split(torch.tensor([0.7, 0.5, 0.3]).view(1, 3, 1, 1).expand(1, 3, 4, 4))
    uv = yuv_from_lab(lightness, ab)[0, 1:, 0, 0]
    network.set_palette(torch.stack((torch.zeros(2), uv, -uv)), torch.full((3,), 1 / 3))
    assert bool((network.classes(lightness, ab) == 1).all())
    logits = torch.zeros(1, 3, 4, 4)
    logits[:, 1] = 50
    decoded = network.decode(logits, lightness, 1.0)
    assert float((decoded - ab).detach().abs().max()) < 3  # luma of the grey photo stands for luma of the colored one


def test_a_low_temperature_picks_and_a_high_one_blends() -> None:
    network = ColorUnet(widths=(4, 8), colors=2)
    network.set_palette(torch.tensor([[0.1, 0.1], [-0.1, 0.1]]), torch.full((2,), 0.5))
    logits, lightness = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1), torch.full((1, 1, 1, 1), 60.0)
    cold, warm = (network.decode(logits, lightness, t) for t in (0.05, 1.0))
    assert float((cold - warm).detach().abs().max()) > 1
    one_hot = torch.tensor([99.0, 0.0]).view(1, 2, 1, 1)
    torch.testing.assert_close(cold, network.decode(one_hot, lightness, 1.0), atol=1e-2, rtol=0)


def test_any_size_is_colored_at_its_own_size() -> None:
    network = ColorUnet(widths=(4, 8, 8), colors=4).eval()
    assert network(torch.rand(1, 1, 16, 32) * 100).shape == (1, 4, 16, 32)
    assert network.colorize(torch.rand(1, 1, 19, 30) * 100, None, 0.3).shape == (1, 2, 19, 30)


def test_the_catalogue_says_that_vividness_moves_it() -> None:
    assert catalogue().get("colorunet").vivid
    torch.manual_seed(0)
    network, lightness = ColorUnet(widths=(4, 8), colors=4).eval(), torch.rand(1, 1, 16, 16) * 100
    network.set_palette(torch.tensor([[0.2, 0.0], [-0.2, 0.0], [0.0, 0.2], [0.0, -0.2]]), torch.full((4,), 0.25))
    with torch.inference_mode():
        safe, vivid = (network.colorize(lightness, vividness=v) for v in (0.0, 1.0))
    assert vivid.norm(dim=1).mean() > safe.norm(dim=1).mean()


def test_an_older_checkpoints_spelling_of_its_argument_is_read(tmp_path: Path) -> None:
    network = catalogue().get("colorunet").build(widths=[4, 8], colours=5)
    assert network.state_dict()["uv_palette"].shape == (5, 2)
    info = CheckpointInfo("colorunet", {"widths": [4, 8], "colours": 5})
    save_checkpoint(tmp_path / "old.safetensors", network.state_dict(), info, torch.float32)
    loaded = load_model(str(tmp_path / "old.safetensors"))
    assert len(loaded.generator.state_dict()["uv_palette"]) == 5
