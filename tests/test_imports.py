"""Importing the package is free, and what it offers is what it says it offers."""

import subprocess
import sys

import pytest

import rag_reasoner

HEAVY = set(
    "accelerate asyncio bm25s gguf httpx numpy opentelemetry peft PIL pydantic pypdfium2 rapidocr rich "
    "torch torchvision transformers typer".split()
)


def loaded_after(statement):
    """The top-level modules that a fresh interpreter holds after `statement`."""
    code = f"{statement}\nimport sys\nsys.stdout.write(' '.join({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing_heavy():
    assert loaded_after("import rag_reasoner") & HEAVY == set()


def test_the_values_load_nothing_heavy():
    assert loaded_after("from rag_reasoner import Candidate, Document, Image") & HEAVY == set()


@pytest.mark.parametrize(
    "statement",
    [
        "from rag_reasoner import ReasoningReranker; ReasoningReranker('lexical')",
        "from rag_reasoner import LexicalRetriever, read",
        "import rag_reasoner.cli",
    ],
)
def test_torch_is_loaded_only_where_a_model_is(statement):
    assert loaded_after(statement) & {"torch", "transformers", "peft", "accelerate", "gguf"} == set()


@pytest.mark.parametrize("name", rag_reasoner.__all__)
def test_every_name_offered_can_be_had(name):
    assert getattr(rag_reasoner, name)


def test_what_is_listed_is_what_is_offered():
    assert sorted(rag_reasoner.__all__) == dir(rag_reasoner)
    assert set(rag_reasoner.__all__) == {*rag_reasoner._HOMES, "__version__"}


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'rag_reasoner' has no attribute 'Reranker'"):
        rag_reasoner.Reranker  # noqa: B018
