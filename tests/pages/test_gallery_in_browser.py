"""The page of a batch in headless Chromium, with 5,000 photos: windowed, searched, opened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from colorize_cli.metadata.provenance import Provenance
from colorize_cli.pipeline.gallery import PAGE, Gallery
from colorize_cli.pipeline.outcome import Outcome, Status
from tests.browser import chromium, complaints
from tests.inference.conftest import grey_photo

pytestmark = pytest.mark.slow


def test_a_gallery_of_five_thousand_photos_stays_small(tmp_path: Path) -> None:
    out = tmp_path / "out"
    gallery, result = Gallery(out), grey_photo(tmp_path / "out" / "x.png", (64, 48))
    pictures = [np.full((48, 64, 3), value, np.uint8) for value in (90, 160)]
    gallery.add_pictures(result, pictures[0], pictures[1], Provenance("test", "1", "mini", ""))
    for place in range(5000):
        failed = place % 50 == 0
        outcome = Outcome(
            tmp_path / f"photo <{place:04}>.png",
            Status.failed if failed else Status.done,
            reason="truncated <b>" if failed else None,
            output=None if failed else result,
        )
        gallery.add(place, outcome)
    gallery.write({"model": "mini"})
    gallery.close()
    with chromium() as browser:
        browser.get((out / PAGE).as_uri())
        count: Callable[[], int] = lambda: len(browser.find_elements("css selector", ".card"))  # noqa: E731
        assert 10 <= count() <= 80
        frames = browser.execute_async_script(
            "const done = arguments[0], count = () => document.querySelectorAll('.card').length; let most = 0, y = 0;"
            "const step = () => { y += 2000; window.scrollTo(0, y); most = Math.max(most, count());"
            "const last = y >= document.body.scrollHeight;"
            "requestAnimationFrame(last ? () => done(most) : step); }; step();"
        )
        assert frames <= 80
        names = [card.text for card in browser.find_elements("css selector", ".card .name")]
        assert "photo <4999>.png" in names[-1]
        find = browser.find_element("id", "find")
        find.send_keys("truncated")
        assert browser.find_element("id", "count").text == "100 of 5,000"
        find.clear()
        find.send_keys("<0007>")
        assert browser.find_element("id", "count").text == "1 of 5,000"
        browser.find_element("css selector", ".card").click()
        assert browser.find_element("id", "title").text.endswith("photo <0007>.png")
        assert complaints(browser) == []
