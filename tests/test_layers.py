"""An import may only point down; the pure modules need nothing; the trainer and the integrations are never imported."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
LINT = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True, no_logo=True))"


def lint(folder):
    """`lint-imports` over the package and the contracts in `folder`: its exit code and what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(folder / "src")}
    command = [sys.executable, "-c", LINT]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_import_contracts_hold():
    code, printed = lint(REPOSITORY)
    assert code == 0, printed


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("types", "import rag_reasoner.errors", "An import may only point down"),
        ("surprise", "", "An import may only point down"),
        ("tasks/base", "import numpy", "The pure modules need the standard library only"),
        ("retrieve/base", "import torch", "torch and its kin"),
        ("errors", "import rag_reasoner_train", "The library never imports its trainer"),
    ],
)
def test_an_import_that_breaks_a_contract_is_noticed(tmp_path, module, line, contract):
    shutil.copytree(REPOSITORY / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    with (tmp_path / "src" / "rag_reasoner" / f"{module}.py").open("a") as file:
        file.write(f"\n{line}\n")
    code, printed = lint(tmp_path)
    broken = [found for found in printed.splitlines() if " BROKEN" in found]
    assert code == 1
    assert any(found.startswith(contract) for found in broken), printed
