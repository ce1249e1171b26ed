"""R10: nothing in the code runs data. The gate reads the syntax trees; the planted cases show that it can see."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
CODE = ("src", "integrations", "train", "benchmarks", "examples", "docs")

RUNS_CODE = {"eval", "exec", "builtins.eval", "builtins.exec", "os.system", "os.popen", "subprocess.getoutput"}
UNPICKLES = {"cloudpickle", "dill", "joblib", "marshal", "pickle", "_pickle", "shelve"}
UNSAFE_YAML = {"yaml.load", "yaml.load_all", "yaml.unsafe_load", "yaml.full_load", "yaml.unsafe_load_all"}
NEVER_TRUE = {"trust_remote_code", "shell", "allow_pickle", "allow_dangerous_deserialization"}


def violations(source: str) -> list[str]:
    """What in `source` may run data, each with its line."""
    tree = ast.parse(source)
    aliases = dict(_aliases(tree))
    return [f"{node.lineno}: {what}" for node in ast.walk(tree) for what in _wrong(node, aliases)]


def _aliases(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """The local name of what is imported under another one, and its full name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((name.asname, name.name) for name in node.names if name.asname)
        elif isinstance(node, ast.ImportFrom):
            yield from ((name.asname or name.name, f"{node.module}.{name.name}") for name in node.names)


def _wrong(node: ast.AST, aliases: dict[str, str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (name.name for name in node.names if name.name.split(".")[0] in UNPICKLES)
    if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in UNPICKLES:
        yield str(node.module)
    if isinstance(node, ast.Dict):
        yield from _settings(node)
    if isinstance(node, ast.Call):
        yield from _call(node, aliases)


def _settings(node: ast.Dict) -> Iterator[str]:
    """`{"shell": True}`, which is on its way to a call."""
    for key, value in zip(node.keys, node.values, strict=True):
        if isinstance(key, ast.Constant) and key.value in NEVER_TRUE and not _is(value, False):
            yield f"{key.value!r}: not False"


def _call(node: ast.Call, aliases: dict[str, str]) -> Iterator[str]:
    name = _full_name(node.func, aliases)
    given = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
    if name in RUNS_CODE | UNSAFE_YAML or name.split(".")[0] in UNPICKLES:
        yield name
    if name.endswith("__import__"):
        yield name
    if name == "torch.load" and not _is(given.get("weights_only"), True):
        yield "torch.load without weights_only=True"
    yield from (f"{key} is not False" for key in NEVER_TRUE & given.keys() if not _is(given[key], False))


def _full_name(node: ast.expr, aliases: dict[str, str]) -> str:
    if isinstance(node, ast.Name):
        return aliases.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        return f"{_full_name(node.value, aliases)}.{node.attr}"
    return ""


def _is(node: ast.expr | None, value: bool) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


@pytest.mark.parametrize(
    "path",
    [path for folder in CODE for path in sorted((REPOSITORY / folder).rglob("*.py"))],
    ids=lambda path: str(path.relative_to(REPOSITORY)),
)
def test_no_code_of_ours_runs_data(path):
    assert violations(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    "planted",
    [
        "eval(reply)",
        "exec(reply)",
        "import builtins\nbuiltins.eval(reply)",
        "__import__(name)",
        "import os\nos.system(line)",
        "from os import system as run\nrun(line)",
        "import pickle",
        "import pickle as p",
        "from pickle import loads",
        "from shelve import open",
        "import marshal",
        "import joblib",
        "import yaml\nyaml.load(text)",
        "import yaml as y\ny.load(text, Loader=y.Loader)",
        "from yaml import unsafe_load\nunsafe_load(text)",
        "import torch\ntorch.load(path)",
        "import torch\ntorch.load(path, weights_only=False)",
        "from torch import load\nload(path)",
        "import torch as t\nt.load(path, weights_only=wanted)",
        "import numpy as np\nnp.load(path, allow_pickle=True)",
        "AutoModel.from_pretrained(path, trust_remote_code=True)",
        "AutoModel.from_pretrained(path, trust_remote_code=trusted)",
        "options = {'trust_remote_code': True}",
        "import subprocess\nsubprocess.run(line, shell=True)",
        "def deep():\n    if x:\n        return [eval(r) for r in replies]",
    ],
)
def test_the_gate_sees_what_is_planted(planted):
    assert len(violations(planted)) >= 1


@pytest.mark.parametrize(
    "harmless",
    [
        "model.eval()",
        "import torch\ntorch.load(path, weights_only=True)",
        "import yaml\nyaml.safe_load(text)",
        "import numpy as np\nnp.load(path, allow_pickle=False)",
        "import json\njson.load(file)",
        "AutoModel.from_pretrained(path, trust_remote_code=False)",
        "import subprocess\nsubprocess.run(['ls'])",
        "cursor.execute(query)",
    ],
)
def test_the_gate_lets_pass_what_only_looks_like_it(harmless):
    assert violations(harmless) == []


def test_the_gate_reads_the_code_that_there_is():
    assert len(list((REPOSITORY / "src").rglob("*.py"))) > 40
