"""The documents: the API reference is that of the source, and their links lead somewhere."""

from __future__ import annotations

import ast
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


def names_in(path: Path) -> set[str]:
    """Return what a module defines: functions, classes, their members and its values."""
    names: set[str] = set()

    def add(body, prefix=""):
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names.add(prefix + node.name)
                if isinstance(node, ast.ClassDef):
                    add(node.body, f"{prefix}{node.name}.")
            elif isinstance(node, ast.AnnAssign):
                names.add(prefix + ast.unparse(node.target))
            elif isinstance(node, ast.Assign):
                names.update(prefix + ast.unparse(target) for target in node.targets)

    add(ast.parse(path.read_text(encoding="utf-8")).body)
    return names


def assumed() -> list[list[str]]:
    """Return the rows of the table of what is assumed of the exchange."""
    page = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    _, _, section = page.partition("\n## What we assume of the exchange\n")
    section, _, _ = section.partition("\n## ")
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line[:2] == "| "]
    return [row for row in rows if row[0] != "rule"]


@pytest.mark.parametrize("row", assumed(), ids=lambda row: row[0])
def test_the_code_and_the_tests_of_what_is_assumed_of_the_exchange_are_there(row):
    rule, source, code, tests, confirmed = row
    assert rule
    assert source
    assert confirmed
    for cell, folder in ((code, "depthcli/"), (tests, "tests/")):
        references = re.findall(r"`([^`:]+)(?::([^`]+))?`", cell)
        assert references
        for file, name in references:
            assert file.startswith(folder)
            assert (ROOT / file).is_file(), file
            assert not name or name in names_in(ROOT / file), f"{file}: {name}"


def test_much_is_assumed_of_the_exchange():
    assert len(assumed()) > 40
