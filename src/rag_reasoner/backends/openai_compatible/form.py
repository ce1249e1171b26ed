"""The form of a perfect reply, as servers can hold a model to it: a regular expression or a GBNF grammar.

A permutation is held to its numbers and their count; that none comes twice is left to the parser, since an expression
for it would grow with the factorial.
"""

import json
import re
from typing import Any

from rag_reasoner.backends.openai_compatible.dialects import Dialect
from rag_reasoner.tasks.scaffold import Choice, Evidenced, Free, Literal, Marked, Permutation, Piece, Scaffold


def held(scaffold: Scaffold, dialect: Dialect) -> dict[str, Any]:
    """The fields of a request that hold its reply to `scaffold`; none where the dialect has no such thing."""
    match dialect.held_by:
        case "structured_outputs":
            return {"structured_outputs": {"regex": regex(scaffold)}}
        case "regex":
            return {"regex": regex(scaffold)}
        case "grammar":
            return {"grammar": grammar(scaffold)}
        case None:
            return {}


def regex(scaffold: Scaffold) -> str:
    """A regular expression of plain characters, groups, classes and counts only: every engine reads those alike."""
    return "".join(map(_regex, scaffold))


def grammar(scaffold: Scaffold) -> str:
    """The same as one rule of GBNF, llama.cpp's notation."""
    return f"root ::= {' '.join(map(_rule, scaffold))}"


def _regex(piece: Piece) -> str:
    match piece:
        case Literal(text):
            return _escaped(text)
        case Choice(options):
            return f"({'|'.join(map(_escaped, options))})"
        case Free() | Marked():
            return r"[^\n<]*"
        case Evidenced():
            return r" [^\n<]*"
        case Permutation(n, separator):
            one = f"({'|'.join(map(str, range(1, n + 1)))})"
            return one + (f"({_escaped(separator)}{one}){{{n - 1}}}" if n > 1 else "")


def _escaped(text: str) -> str:
    return re.sub(r"([\\.^$|?*+()\[\]{}])", r"\\\1", text).replace("\n", r"\n")


def _rule(piece: Piece) -> str:
    match piece:
        case Literal(text):
            return _quoted(text)
        case Choice(options):
            return f"({' | '.join(map(_quoted, options))})"
        case Free() | Marked():
            return r"[^\n<]*"
        case Evidenced():
            return r'" " [^\n<]*'
        case Permutation(n, separator):
            one = f"({' | '.join(_quoted(str(number)) for number in range(1, n + 1))})"
            return " ".join([one, *[f"{_quoted(separator)} {one}"] * (n - 1)])


def _quoted(text: str) -> str:
    return json.dumps(text)
