"""One set of styles and components for every HTML page that the program makes.

In:  a page's template, whose style holds `/*SHARED*/` and whose script holds `/*SHARED*/`
Out: the page, in one file
"""

from __future__ import annotations

from importlib import resources

_PLACE = "/*SHARED*/"


def page_file(name: str) -> str:
    """`shared.css` or `shared.js`."""
    return (resources.files("colorize_cli.pages") / name).read_text("utf-8")


def with_shared(template: str) -> str:
    """A page with the shared styles in its `<style>`, and the shared components in its last `<script>`."""
    start, styles, rest = template.partition(_PLACE)
    if not styles:
        raise ValueError("a page's template holds no place for the shared styles")
    middle, script, end = rest.partition(_PLACE)
    page = start + page_file("shared.css") + middle
    return page + (page_file("shared.js") + end if script else "")
