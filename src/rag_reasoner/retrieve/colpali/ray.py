"""A recipe for folders that one machine would encode for days: pages are read and encoded over a Ray cluster.

Ray Data reads the files on any node, encodes their pages with one model for each worker, and hands the vectors to
this process, the store's only writer. The files must be at the same paths on every node.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag_reasoner.errors import InvalidInput, MissingExtra
from rag_reasoner.pages import read
from rag_reasoner.pages.files import find
from rag_reasoner.pages.roots import grant
from rag_reasoner.retrieve.colpali.encoder import PageEncoder
from rag_reasoner.retrieve.colpali.encoding import Outcome, batches, encoded
from rag_reasoner.retrieve.colpali.records import Record, document_of, payload, records
from rag_reasoner.retrieve.colpali.retriever import Added, page_store
from rag_reasoner.retrieve.store.base import Identity, PageStore, PageVectors
from rag_reasoner.retrieve.store.local import LocalPageStore
from rag_reasoner.retrieve.store.manifest import is_store
from rag_reasoner.types import Document, Fault

Row = dict[str, Any]
"""One page on its way: the fields of `_row`."""

Columns = dict[str, NDArray[Any]]
"""A batch of rows, as Ray Data hands it over."""

Store = PageStore | str | PathLike[str]
"""A page store, or the folder of one, made where it is missing."""


def encode_folder(
    paths: Iterable[str | PathLike[str]],
    model: str | Path,
    store: Store,
    *,
    workers: int = 2,
    cpus_each: float = 1,
    gpus_each: float = 0,
    batch_size: int = 4,
    save_every: int = 256,
    dtype: str | None = None,
) -> Added:
    """Encode what is new or changed in the files that `paths` mean, over the Ray that is running, into `store`.

    `store` is a folder, or a page store of vectors of this model. `workers` models are loaded, each on `cpus_each` CPUs
    and `gpus_each` GPUs; reading needs another CPU. Pages are put into the store `save_every` at a time: a run that was
    ended goes on where it was. Raises MissingExtra without Ray, InvalidInput where its CPUs are too few, and
    StoreRefused where the store is another model's.
    """
    try:
        import ray.data
    except ImportError as error:
        raise MissingExtra("encoding over a cluster", "ray") from error
    found = find(paths)
    if not ray.is_initialized():
        ray.init()
    _check(ray.cluster_resources().get("CPU", 0), workers, cpus_each)
    files = ray.data.from_items([{"path": str(Path(file.source).resolve())} for file in found.files])
    pages = files.flat_map(pages_of, fn_kwargs={"known": _known(store)})
    rows = pages.map_batches(
        Encoding,
        fn_constructor_args=(str(model), dtype),
        batch_size=batch_size,
        compute=ray.data.ActorPoolStrategy(size=workers),
        num_cpus=cpus_each,
        num_gpus=gpus_each,
    )
    unread = tuple(Fault("unread", one.reason, source=one.source) for one in found.unread)
    return _saved(rows.iter_rows(), store, save_every, unread)


def _known(store: Store) -> dict[str, str]:
    """The content hashes of the pages that are there."""
    if isinstance(store, str | PathLike):
        return dict(LocalPageStore(store).hashes()) if is_store(Path(store)) else {}
    return dict(store.hashes())


def _check(cpus: float, workers: int, each: float) -> None:
    """Files are read beside the models: where these take every CPU, nothing would ever begin."""
    if workers * each + 1 > cpus:
        raise InvalidInput(
            f"{workers} workers of {each:g} CPUs and one to read do not fit a cluster of {cpus:g}: "
            "give fewer workers, or smaller cpus_each"
        )


def pages_of(row: Mapping[str, Any], known: Mapping[str, str]) -> list[Row]:
    """A row for each page of the file at `row["path"]`, and one for each part of it that cannot be read.

    `known` are the content hashes of the pages that the store has: those that are still so need no vectors.
    """
    reading = read(row["path"], ocr=False)
    unread = [_row(fault=_plain(fault)) for fault in reading.faults if fault.kind == "unread"]
    return [*(_page_row(one, known) for one in records(reading.documents)), *unread]


def _page_row(one: Record, known: Mapping[str, str]) -> Row:
    if known.get(one.id) == one.content_hash:
        return _row(unchanged=True)
    return _row(id=one.id, content_hash=one.content_hash, payload=payload(one.document, 0, 0))


class Encoding:
    """One worker: a model that turns the rows of pages into rows with vectors, and lets the others pass."""

    def __init__(self, model: str, dtype: str | None = None) -> None:
        self._encoder = PageEncoder(model, dtype=dtype)

    def __call__(self, batch: Columns) -> Columns:
        rows = [dict(zip(batch, values, strict=True)) for values in zip(*batch.values(), strict=True)]
        seen = [row for row in rows if row["id"]]
        documents = [document_of(json.loads(row["payload"]), row["id"]) for row in seen]
        for document in documents:
            if document.image is not None and document.image.path is not None:
                grant(document.image.path)
        found = encoded(documents, self._encoder, max(len(documents), 1), {})
        made = iter([self._encoded(*one) for one in zip(seen, documents, found, strict=True)])
        return _columns([next(made) if row["id"] else row for row in rows])

    def _encoded(self, row: Row, document: Document, page: Outcome) -> Row:
        if isinstance(page, Fault):
            return _row(fault=_plain(page))
        kept = payload(document, page.rows, page.columns)
        vectors = page.vectors.astype(np.float32)
        return _row(
            id=row["id"],
            content_hash=row["content_hash"],
            payload=kept,
            vectors=vectors.tobytes(),
            model=json.dumps(asdict(self._encoder.identity)),
        )


def _row(
    *,
    id: str = "",
    content_hash: str = "",
    payload: Mapping[str, Any] | None = None,
    vectors: bytes = b"",
    model: str = "",
    unchanged: bool = False,
    fault: Mapping[str, Any] | None = None,
) -> Row:
    """A page with its vectors, a page that is unchanged, or a fault; every row has every field, as tables do."""
    return {
        "id": id,
        "content_hash": content_hash,
        "payload": json.dumps(payload) if payload else "",
        "vectors": vectors,
        "model": model,
        "unchanged": unchanged,
        "fault": json.dumps(fault) if fault else "",
    }


def _columns(rows: Sequence[Row]) -> Columns:
    """Objects, not fixed-width texts: numpy would cut the zero bytes at a vector's end."""
    columns: Columns = {name: np.empty(len(rows), dtype=object) for name in _row()}
    for name, column in columns.items():
        column[:] = [row[name] for row in rows]
    return columns


def _plain(fault: Fault) -> Row:
    return {"kind": fault.kind, "detail": fault.detail, "source": fault.source}


def _saved(rows: Iterable[Row], store: Store, save_every: int, unread: tuple[Fault, ...]) -> Added:
    """Put the rows' pages into the store as they come; StoreRefused where it holds another model's."""
    done, unchanged, faults = 0, 0, [*unread]
    for some in batches(rows, save_every):
        made = [row for row in some if row["id"]]
        for model in sorted({row["model"] for row in made}):
            store = page_store(store, Identity(**json.loads(model)), None, None)
            store.upsert([_page(row) for row in made if row["model"] == model])
        done += len(made)
        unchanged += sum(bool(row["unchanged"]) for row in some)
        faults += [Fault(**json.loads(row["fault"])) for row in some if row["fault"]]
    return Added(done, unchanged, tuple(faults))


def _page(row: Row) -> PageVectors:
    dim = int(json.loads(row["model"])["dim"])
    vectors = np.frombuffer(row["vectors"], dtype=np.float32).reshape(-1, dim)
    return PageVectors(str(row["id"]), str(row["content_hash"]), vectors, json.loads(row["payload"]))
