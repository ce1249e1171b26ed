"""An index in a folder: one or two first stages over the same files, kept up to date together."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from rag_reasoner.errors import InvalidInput, StoreError, Unreadable
from rag_reasoner.pages.files import File
from rag_reasoner.retrieve.base import Retriever
from rag_reasoner.retrieve.colpali import ColPaliRetriever
from rag_reasoner.retrieve.colpali.retriever import Progress
from rag_reasoner.retrieve.hybrid import HybridRetriever
from rag_reasoner.retrieve.index.changes import Changes, changes, vouched
from rag_reasoner.retrieve.index.manifest import FILE as MANIFEST
from rag_reasoner.retrieve.index.manifest import Manifest, Stages, read_manifest, write_manifest
from rag_reasoner.retrieve.lexical import FILE, LexicalRetriever
from rag_reasoner.retrieve.sealed import sweep_sealed
from rag_reasoner.retrieve.store.lock import one_writer
from rag_reasoner.retrieve.store.manifest import is_store
from rag_reasoner.types import Candidate, Document, Fault

PAGES = "pages"
"""The folder with the page store."""

LOCK, PATIENCE = "index.lock", 30.0
"""Who updates holds this lock; others wait so many seconds for it."""


@dataclass(frozen=True, slots=True)
class Update:
    """What an update did: pages put in, pages of them that were encoded now, pages forgotten, and what went wrong."""

    pages: int
    encoded: int
    removed: int
    faults: tuple[Fault, ...] = ()


class PageIndex:
    """The index in `folder`. `create` makes one or goes on with one, `open` needs one that is there.

    Everything in it may be read while it is updated; updates wait for each other. One that was ended leaves what was
    there, and the next one goes on: the manifest is written last.
    """

    def __init__(self, folder: Path, manifest: Manifest, **options: Any) -> None:
        self.folder, self.manifest = folder, manifest
        self._lexical = _lexical(folder, manifest) if manifest.retriever != "colpali" else None
        self._visual = _visual(folder, manifest, options) if manifest.retriever != "lexical" else None

    @classmethod
    def create(
        cls, folder: str | Path, retriever: Stages | None = None, model: str | None = None, **options: Any
    ) -> Self:
        """`retriever` is "lexical" and `model` none, if not given, or what the index was made with.

        `options` are those of ColPaliRetriever. Raises InvalidInput where an index is there already and is another.
        """
        held = read_manifest(Path(folder))
        wanted = retriever or (held.retriever if held else "lexical")
        _same_kind(folder, held, wanted)
        if wanted == "lexical" and model:
            raise InvalidInput(f"a 'lexical' index has no use for model={model!r}: ask for 'colpali' or 'hybrid'")
        named = model or (held.model if held else None)
        if wanted != "lexical" and not named:
            raise InvalidInput(f"a {wanted!r} index needs a model: give the hub id or the folder of a page retriever")
        kept = _lasting(named) if named and wanted != "lexical" else None
        return cls(Path(folder), Manifest(wanted, kept, held.files if held else {}), **options)

    @classmethod
    def open(cls, folder: str | Path, model: str | None = None, **options: Any) -> Self:
        """`model` is where the index's model is now, if it has moved. Raises InvalidInput where there is no index."""
        held = read_manifest(Path(folder))
        if held is None:
            raise InvalidInput(f"{str(folder)!r} holds no index: make one with rag-reasoner index PATHS --out {folder}")
        return cls(Path(folder), replace(held, model=model or held.model), **options)

    def __len__(self) -> int:
        stage = self._lexical if self._lexical is not None else self._visual
        return len(stage) if stage is not None else 0

    @property
    def retriever(self) -> Retriever:
        """The first stage over everything that is indexed."""
        stages = [stage for stage in (self._lexical, self._visual) if stage is not None]
        return stages[0] if len(stages) == 1 else HybridRetriever(*stages)

    def changes(self, files: Iterable[File]) -> Changes:
        """Which of `files` are new or changed, and which indexed files are no longer there."""
        return changes(files, self.manifest.files)

    def update(self, found: Changes, documents: Sequence[Document], *, progress: Progress | None = None) -> Update:
        """Put `documents` in, read from the changed files, in place of what was there, and forget the files gone.

        A changed file of which nothing could be read keeps its older pages; a page of it that could not be encoded
        does not. Raises StoreError where nothing can be written.
        """
        with one_writer(self.folder, PATIENCE, LOCK):
            self._follow()
            removed = self._forget(found.gone)
            encoded, faults = self._see(documents, progress)
            read = {document.source for document in documents if document.source}
            self._note(documents, read)
            kept = {source: known for source, known in self.manifest.files.items() if source not in found.gone}
            new = {source: now for source, now in found.changed.items() if source in read and now}
            self.manifest = replace(self.manifest, files={**kept, **new})
            write_manifest(self.folder, self.manifest)
        return Update(len(documents), encoded, removed, faults)

    def vouch(self, candidates: Iterable[Candidate]) -> tuple[Fault, ...]:
        """Lets the candidates' files be read, as far as they still are what was indexed; the others are faults."""
        return vouched((one.document.source for one in candidates if one.document.source), self.manifest.files)

    def _follow(self) -> None:
        """Go on from what another process has written since this was opened; sweep up what one that was killed left."""
        for name in (FILE, MANIFEST):
            sweep_sealed(self.folder / name)
        held = read_manifest(self.folder)
        _same_kind(self.folder, held, self.manifest.retriever)
        if held and held.files != self.manifest.files:
            self.manifest = replace(self.manifest, files=held.files)
            self._lexical = _lexical(self.folder, held) if self._lexical is not None else None

    def _forget(self, sources: Collection[str]) -> int:
        """Forget the pages of `sources`; how many there were."""
        stages = [stage for stage in (self._lexical, self._visual) if stage is not None]
        return max(stage.remove(sources) for stage in stages) if sources else 0

    def _see(self, documents: Sequence[Document], progress: Progress | None) -> tuple[int, tuple[Fault, ...]]:
        """Encode the pages; those without a picture are another stage's, where there is one."""
        if self._visual is None:
            return 0, ()
        seen = [one for one in documents if one.image is not None or self._lexical is None]
        added = self._visual.add(seen, progress=progress)
        self._visual.prune(documents)  # it makes the store, too, where no page was encoded: an index always has one
        return added.encoded, added.faults

    def _note(self, documents: Sequence[Document], read: Collection[str]) -> None:
        if self._lexical is None:
            return
        self._lexical.remove(read)
        self._lexical.add(documents)
        try:
            self._lexical.save(self.folder)
        except OSError as error:
            raise StoreError(f"{self.folder}: cannot be written ({error.strerror or error})") from error


def _same_kind(folder: str | Path, held: Manifest | None, wanted: Stages) -> None:
    if held and held.retriever != wanted:
        raise InvalidInput(f"{folder} is an index of the kind {held.retriever!r}, not {wanted!r}: give another --out")


def _lexical(folder: Path, manifest: Manifest) -> LexicalRetriever:
    """What is there; nothing, where nothing was indexed yet. Raises Unreadable where something was and is missing."""
    return LexicalRetriever.load(folder) if manifest.files or (folder / FILE).exists() else LexicalRetriever()


def _visual(folder: Path, manifest: Manifest, options: dict[str, Any]) -> ColPaliRetriever:
    if manifest.model is None:
        raise InvalidInput(f"{folder}: the index names no model: index anew")
    if manifest.files and not is_store(folder / PAGES):
        raise Unreadable(str(folder / PAGES), f"the pages of the index are missing; remove {folder} and index anew")
    return ColPaliRetriever(manifest.model, folder / PAGES, **options)


def _lasting(model: str) -> str:
    """A folder's whole path, so that the index finds its model from anywhere; a hub id as it is."""
    return str(Path(model).resolve()) if Path(model).is_dir() else model
