"""The documents keep their word: their Python runs, their tables are the code's, their links lead somewhere."""

import importlib.util
import re
import tomllib
from pathlib import Path
from types import FunctionType

import pytest

from rag_reasoner.types import FAULTS

REPOSITORY = Path(__file__).parent.parent
PAGES = (REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted((REPOSITORY / "docs").glob("*.md")))
NEEDS_MODEL = "# needs a model"
PYTHON = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")


def blocks(page):
    return PYTHON.findall(page.read_text("utf-8"))


def run(page, *, with_model):
    """The page's blocks one after the other in one namespace, as a reader would type them."""
    names = {"__name__": "__main__"}
    for block in blocks(page):
        if with_model or not block.startswith(NEEDS_MODEL):
            FunctionType(compile(block, str(page), "exec"), names)()


WITH_PYTHON = [page for page in PAGES if blocks(page)]
WITH_MODEL = [page for page in WITH_PYTHON if any(block.startswith(NEEDS_MODEL) for block in blocks(page))]


def named(page):
    return str(page.relative_to(REPOSITORY))


@pytest.mark.parametrize("page", WITH_PYTHON, ids=named)
def test_the_python_of_a_page_runs(page, monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    run(page, with_model=False)


@pytest.mark.model
@pytest.mark.parametrize("page", WITH_MODEL, ids=named)
def test_the_python_that_needs_a_model_runs(page, monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    run(page, with_model=True)


def test_there_is_python_to_run():
    assert {named(page) for page in WITH_PYTHON} >= {"README.md", "docs/quickstart.md"}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_to_a_file_leads_somewhere(page):
    assert [link for link in LINK.findall(page.read_text("utf-8")) if not (page.parent / link).exists()] == []


def test_the_table_of_faults_is_the_codes():
    rows = re.findall(
        r"^\| `(\w+)` \| (.*) \|$", (REPOSITORY / "docs" / "concepts.md").read_text("utf-8"), re.MULTILINE
    )
    assert dict(row for row in rows if row[0] in FAULTS or row[1] in FAULTS.values()) == dict(FAULTS)


def test_readme_names_every_extra():
    extras = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    table = (REPOSITORY / "README.md").read_text("utf-8").split("## What to install")[1].split("\n\n| model")[0]
    assert [extra for extra in extras if f"`{extra}`" not in table] == []


def test_the_page_of_the_command_line_is_what_the_commands_say():
    spec = importlib.util.spec_from_file_location("write_cli", REPOSITORY / "docs" / "write_cli.py")
    write_cli = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(write_cli)
    assert write_cli.PAGE.read_text("utf-8") == write_cli.page(), "run `make cli-docs`"
