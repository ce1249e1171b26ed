"""Candidates joined to pages: what is asked about is then a small part of a long document, as on a page of a PDF."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from rag_reasoner.types import Document
from rag_reasoner_train.rows.row import Row

SUFFIX = "#pages"
PIECES = 3
"""How many candidates make a page."""

_FEWEST = 2


def with_pages(row: Row, share: float, seed: int) -> Row:
    """The row, or for the `share` of all rows the same question about pages."""
    chosen = Random(f"{seed}/{row.id}/pages").random() < share
    return joined(row, seed) if chosen and len(row.candidates) >= _FEWEST * PIECES else row


def joined(row: Row, seed: int = 0) -> Row:
    """The row with PIECES of its candidates to a page, drawn by lot; a page is as relevant as the best piece of it.

    Images are left out.
    """
    pieces = Random(f"{seed}/{row.id}/pieces").sample(row.candidates, len(row.candidates))
    groups = [pieces[start : start + PIECES] for start in range(0, len(pieces), PIECES)]
    relevant = {_id(group): max(_grades(group, row)) for group in groups if _grades(group, row)}
    pages = tuple(_page(group) for group in groups)
    return replace(row, id=f"{row.id}{SUFFIX}", candidates=pages, relevant=relevant)


def _page(pieces: Sequence[Document]) -> Document:
    """The pieces one below the other, each under its own title where they have different ones."""
    titles = {piece.title for piece in pieces}
    if len(titles) == 1:
        return Document(_id(pieces), "\n\n".join(piece.text for piece in pieces), title=titles.pop())
    return Document(_id(pieces), "\n\n".join(f"{piece.title}\n{piece.text}".strip() for piece in pieces))


def _id(pieces: Sequence[Document]) -> str:
    return " + ".join(piece.id for piece in pieces)


def _grades(pieces: Sequence[Document], row: Row) -> list[float]:
    return [row.relevant[piece.id] for piece in pieces if piece.id in row.relevant]
