"""The documents: the API reference is that of the source, and their links lead somewhere."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

import depthcli

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.fixture(scope="module")
def make():
    pytest.importorskip("griffe", reason="griffelib isn't installed: pip install -e '.[dev]'")
    spec = importlib.util.spec_from_file_location("docs_make", ROOT / "docs" / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_api_reference_is_that_of_the_source(make):
    stale = make.reference() != make.PAGE.read_text(encoding="utf-8")
    assert not stale, "docs/API.md is out of date: python docs/make.py"


def test_the_api_reference_has_all_that_can_be_imported(make):
    headings = set(re.findall(r"^### (\S+)$", make.reference(), re.MULTILINE))
    aliases = {"BinanceAPIException", "BinanceRequestException", "__version__"}
    assert set(depthcli.__all__) - aliases <= headings


def test_what_is_internal_is_still_there(make):
    # a name that no longer exists would hide a new method of that name
    page = make.griffe.load("depthcli", search_paths=[ROOT], allow_inspection=False)
    classes = {
        path.rpartition(".")[2]: page[path] for paths in make.SECTIONS.values() for path in paths
    }
    for name in make.INTERNAL:
        kind, _, method = name.partition(".")
        assert method in classes[kind].members, name


def test_sections_of_a_docstring_become_lists(make):
    text = make.markdown(
        """Do it.

        Args:
            one, two: what
                is meant.
            three: more.

        Returns:
            The thing: all of it.

        Raises:
            ValueError: it can't be.

        >>> do()
        """
    )
    assert text.split("\n\n") == [
        "Do it.",
        "**Arguments:**",
        "- `one`, `two`: what is meant.\n- `three`: more.",
        "**Returns:** The thing: all of it.",
        "**Raises:**",
        "- `ValueError`: it can't be.",
        "```python\n>>> do()\n```\n",
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    for link in links:
        path, _, heading = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        if heading:
            there = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", title).lower().replace(" ", "-") for title in there}
            assert heading in slugs, link
