"""The embedded first stage: BM25 over documents and their passages. No model, no service, no training."""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Self

import numpy as np
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from rag_reasoner.candidates import checked_query
from rag_reasoner.errors import InvalidInput, Unreadable
from rag_reasoner.retrieve.bm25 import index_terms
from rag_reasoner.retrieve.corpus import Corpus, Entry, Unit, entry, keyed
from rag_reasoner.retrieve.sealed import read_sealed, write_sealed
from rag_reasoner.telemetry import retrieval
from rag_reasoner.types import Candidate, Document

NAME = "lexical"
"""The name under which a candidate carries its score."""

FILE, KIND, VERSION = "lexical.index", "rag-reasoner-lexical", 1
"""What a saved index is called, and what its first line says. It holds the terms: raise VERSION when they change."""

_ENTRIES = TypeAdapter(list[Entry], config=ConfigDict(ser_json_bytes="base64", val_json_bytes="base64", extra="forbid"))
_SECRET = {"__all__": {"document": {"image": {"password"}}}}


class LexicalRetriever:
    """Finds documents by their words.

    Documents may be added, replaced and removed; only those that are new or changed are read again.
    """

    def __init__(self, documents: Iterable[Document] = ()) -> None:
        self._corpus = Corpus({})
        self.add(documents)

    def __len__(self) -> int:
        return len(self._corpus.entries)

    @property
    def documents(self) -> tuple[Document, ...]:
        """What is indexed, in the order in which it came."""
        return tuple(found.document for found in self._corpus.entries)

    def add(self, documents: Iterable[Document]) -> None:
        """Index `documents`; one with the source and id of an earlier call's document takes that one's place."""
        by_key = dict(self._corpus.by_key)
        for key, document in keyed(documents):
            if key not in by_key or by_key[key].document != document:
                by_key[key] = entry(document)
        self._corpus = Corpus(by_key)

    def remove(self, source: str | Collection[str]) -> int:
        """Forget the documents of `source`, or of several; how many there were."""
        gone = {source} if isinstance(source, str) else set(source)
        kept = {key: found for key, found in self._corpus.by_key.items() if found.document.source not in gone}
        removed = len(self) - len(kept)
        self._corpus = Corpus(kept)
        return removed

    @retrieval
    def retrieve(self, query: str, k: int = 20, *, unit: Unit = "page", fill: bool = False) -> list[Candidate]:
        """The `k` best documents (`unit="page"`) or passages, best first; equals keep the order in which they came.

        Only what shares a word with the query is found. `fill` makes up the number with the others, score 0.0, in
        the order in which they came.
        """
        asked = index_terms(checked_query(query))
        if k < 1:
            raise InvalidInput(f"k={k!r} asks for no document: it must be at least 1")
        corpus = self._corpus
        scores = corpus.scores(asked, unit)
        best = np.argsort(-scores, kind="stable")[:k].tolist()
        found = [place for place in best if fill or scores[place] > 0]
        return [
            Candidate(corpus.document(place, unit), position, {NAME: float(scores[place])})
            for position, place in enumerate(found)
        ]

    def save(self, folder: str | Path) -> None:
        """Write everything into one file in `folder`, in place of an older one. Passwords are left out."""
        try:
            content = _ENTRIES.dump_json(self._corpus.entries, exclude=_SECRET)
        except PydanticSerializationError as error:
            raise InvalidInput(f"a document's metadata cannot be saved as JSON: {error}") from error
        write_sealed(Path(folder) / FILE, KIND, VERSION, content)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """What `save` wrote into `folder`."""
        path = Path(folder) / FILE
        content = read_sealed(path, KIND, VERSION)
        try:
            entries = _ENTRIES.validate_json(content)
        except ValidationError as error:
            raise Unreadable(str(path), "holds something that is not an index of ours; write it anew") from error
        loaded = cls()
        keys = (key for key, _ in keyed(found.document for found in entries))
        loaded._corpus = Corpus(dict(zip(keys, entries, strict=True)))
        return loaded
