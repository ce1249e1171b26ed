"""An import may only point down."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

TRAIN = Path(__file__).parent.parent
LINT = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True, no_logo=True))"


def lint(folder):
    """`lint-imports` over the package and the contracts in `folder`: its exit code and what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(folder / "src")}
    done = subprocess.run(
        [sys.executable, "-c", LINT], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_the_import_contracts_hold():
    code, printed = lint(TRAIN)
    assert code == 0, printed


def test_an_import_that_points_up_is_noticed(tmp_path):
    shutil.copytree(TRAIN / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(TRAIN / "pyproject.toml", tmp_path)
    with (tmp_path / "src/rag_reasoner_train/rows/row.py").open("a") as file:
        file.write("\nimport rag_reasoner_train.chains.chain\n")
    code, printed = lint(tmp_path)
    assert code == 1
    assert "BROKEN" in printed
