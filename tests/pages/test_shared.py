"""The pages of eval, of the human test, of batches and of the server have one set of styles and components."""

from __future__ import annotations

import re
from importlib import resources

import pytest

from colorize_cli.pages.shared import page_file, with_shared

TEMPLATES = [
    ("colorize_cli.pipeline", "gallery.html"),
    ("colorize_cli.evaluation", "page.html"),
    ("colorize_cli.evaluation", "human.html"),
]


@pytest.mark.parametrize(("package", "name"), TEMPLATES)
def test_every_page_in_one_file_holds_the_shared_styles_once(package: str, name: str) -> None:
    page = with_shared((resources.files(package) / name).read_text("utf-8"))
    assert page.count(page_file("shared.css")) == 1
    assert page.count(page_file("shared.js")) == (1 if name == "gallery.html" else 0)
    assert "/*SHARED*/" not in page
    assert page.count("prefers-color-scheme: dark") == 1
    assert not re.search(r"(src|href)=\"(?!data:)", page)


def test_shared_files_stand_within_a_page_as_they_are() -> None:
    assert "</" not in page_file("shared.js")
    assert "<!--" not in page_file("shared.css") + page_file("shared.js")


def test_a_template_without_a_place_for_styles_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="no place"):
        with_shared("<html></html>")
