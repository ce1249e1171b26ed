"""A page store in Qdrant: for collections that outgrow one machine. Needs the extra `qdrant`.

Every page is a point with two multi-vectors compared by Qdrant's MaxSim: `sketch`, indexed, proposes pages, and
`tokens`, which is not indexed, orders them. Identity is the collection's metadata.
"""

import uuid
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from rag_reasoner.errors import InvalidInput, MissingExtra, StoreError, StoreRefused
from rag_reasoner.retrieve.store.base import DOCUMENT, Floats, Hit, Identity, PageVectors, Scalar, Storage, Where
from rag_reasoner.retrieve.store.checked import (
    all_of,
    checked_identity,
    checked_k,
    checked_page,
    checked_payload,
    checked_query,
    checked_where,
    same_identity,
)
from rag_reasoner.retrieve.store.pooling import grouped, means
from rag_reasoner.retrieve.store.sketch import sketch

if TYPE_CHECKING:
    from qdrant_client import QdrantClient
    from qdrant_client.models import Condition, Filter, PointStruct, Record, SearchParams

TOKENS, SKETCH = "tokens", "sketch"
METADATA = "rag_reasoner"

PROPOSED = 1024
"""Pages that are proposed by their sketches and ordered by exact MaxSim; at least four times k."""

_BATCH, _NUMBERS = 8, 1_200_000
"""The most pages and numbers of one request: as JSON, so many numbers stay below Qdrant's 32 MB."""

_QUANTISED = ("int8", "binary")

_OVERSAMPLED = 2.0
"""Of quantised vectors so many times k are compared again as they were before: by itself, Qdrant does not."""

_PAGES_OF_IDS = uuid.UUID("6a1e43a5-2f0c-5b7e-9d43-7a2b0a3c9f10")


P = ParamSpec("P")
T = TypeVar("T")


def _asking(
    method: Callable[Concatenate["QdrantPageStore", P], T],
) -> Callable[Concatenate["QdrantPageStore", P], T]:
    """A method of a store; where Qdrant fails, a StoreError says so."""

    @wraps(method)
    def asked(store: "QdrantPageStore", /, *args: P.args, **options: P.kwargs) -> T:
        from grpc import RpcError
        from qdrant_client.http.exceptions import ApiException

        try:
            return method(store, *args, **options)
        except (ApiException, RpcError) as error:
            raise StoreError(
                f"collection {store.collection!r}: Qdrant did not do what it was asked to ({error}); "
                "see that it runs, that address and key are right, and that it has room"
            ) from error

    return asked


class QdrantPageStore:
    """The pages in a collection, which is made if it is not there.

    `client` is a QdrantClient or the address of a server. `storage` says how Qdrant keeps the vectors: float32,
    float16, or as int8 or binary quantisation in memory, before float16 on disk by which Qdrant corrects the order.
    A page is written as a whole; an upsert that is interrupted has written some, which `hashes` tells.
    """

    def __init__(
        self,
        client: "QdrantClient | str",
        collection: str,
        *,
        model: str | None = None,
        dim: int | None = None,
        storage: Storage | None = None,
        pool: int | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self._client, self.collection = _connected(client), collection
        given = {"model": model, "dim": dim, "storage": storage, "pool": pool, "settings": settings}
        self.identity = self._opened({name: value for name, value in given.items() if value is not None})

    @_asking
    def __len__(self) -> int:
        return self._client.count(self.collection).count

    @_asking
    def upsert(self, pages: Iterable[PageVectors]) -> None:
        """Put `pages` in, each in place of the one with its id."""
        for batch in _requests(self._point(page) for page in pages):
            self._client.upsert(self.collection, batch, wait=True)

    @_asking
    def delete(self, document: str | Collection[str], *, keep: Collection[str] = ()) -> int:
        """Forget the pages of `document`, or of several, but for those with the ids in `keep`; how many there were."""
        from qdrant_client import models

        theirs = models.FieldCondition(key=f"payload.{DOCUMENT}", match=models.MatchAny(any=sorted(all_of(document))))
        kept = models.HasIdCondition(has_id=[_point_id(page) for page in keep])
        chosen = models.Filter(must=[theirs], must_not=[kept] if keep else [])
        count = self._client.count(self.collection, chosen).count
        self._client.delete(self.collection, chosen, wait=True)
        return count

    @_asking
    def search(self, query: Floats, k: int = 20, *, where: Where | None = None) -> list[Hit]:
        """The `k` pages with the highest MaxSim to `query` (tokens, dim), best first."""
        from qdrant_client import models

        asked, wanted = checked_query(query, self.identity.dim).tolist(), checked_k(k)
        chosen = _filter(_conditions(where or {}))
        proposed = models.Prefetch(query=asked, using=SKETCH, filter=chosen, limit=max(PROPOSED, 4 * wanted))
        found = self._client.query_points(
            self.collection,
            prefetch=[proposed],
            query=asked,
            using=TOKENS,
            query_filter=chosen,
            limit=wanted,
            search_params=_again() if self.identity.storage in _QUANTISED else None,
        )
        contents = ((_payload(point), point.score) for point in found.points)
        return [Hit(content["id"], score, content["payload"]) for content, score in contents]

    @_asking
    def fetch(self, ids: Iterable[str]) -> list[PageVectors]:
        """The pages with these ids, in this order; InvalidInput names one that is not there."""
        wanted = list(ids)
        found = {}
        for start in range(0, len(wanted), _BATCH):
            points = [_point_id(page) for page in wanted[start : start + _BATCH]]
            records = self._client.retrieve(self.collection, points, with_vectors=[TOKENS])
            found.update({_payload(record)["id"]: record for record in records})
        if missing := [page for page in wanted if page not in found]:
            raise InvalidInput(f"page {missing[0]!r} is not in the store")
        return [self._page(found[page]) for page in wanted]

    @_asking
    def hashes(self) -> Mapping[str, str]:
        """The content hash of every page by its id: what need not be encoded again."""
        contents = (_payload(record) for record in self._records(["id", "content_hash"]))
        return {content["id"]: content["content_hash"] for content in contents}

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @_asking
    def _opened(self, given: Mapping[str, Any]) -> Identity:
        if self._client.collection_exists(self.collection):
            return self._held(given)
        if not {"model", "dim"} <= given.keys():
            raise InvalidInput(f"collection {self.collection!r} is not there; to make it, give the model and the dim")
        identity = checked_identity(Identity(**given))
        _create(self._client, self.collection, identity)
        return identity

    def _held(self, given: Mapping[str, Any]) -> Identity:
        metadata = self._client.get_collection(self.collection).config.metadata or {}
        if METADATA not in metadata:
            raise StoreRefused(f"collection {self.collection!r} was not made by rag_reasoner; give another name")
        held = Identity(**metadata[METADATA])
        same_identity(f"collection {self.collection!r}", held, Identity(**{**metadata[METADATA], **given}))
        return held

    def _point(self, page: PageVectors) -> "PointStruct":
        from qdrant_client import models

        vectors = checked_page(page, self.identity.dim)
        pooled = self.identity.pool > 1 and len(vectors) > 0
        groups = grouped(vectors, self.identity.pool) if pooled else np.empty(0, np.uint16)
        kept = means(vectors, groups) if pooled else vectors
        content = {
            "id": page.id,
            "content_hash": page.content_hash,
            "tokens": len(vectors),
            "groups": groups.tolist(),
            "payload": checked_payload(page),
        }
        named: dict[str, Any] = {TOKENS: _filled(kept), SKETCH: _filled(sketch(vectors).astype(np.float32))}
        return models.PointStruct(id=_point_id(page.id), vector=named, payload=content)

    def _page(self, record: "Record") -> PageVectors:
        content = _payload(record)
        assert isinstance(record.vector, dict)
        vectors = np.array(record.vector[TOKENS], dtype=np.float32).reshape(-1, self.identity.dim)
        whole = vectors[content["groups"]] if content["groups"] else vectors[: content["tokens"]]
        return PageVectors(content["id"], content["content_hash"], whole, content["payload"])

    def _records(self, keys: Sequence[str]) -> "Iterator[Record]":
        """Every point of the collection, with these keys of its payload."""
        offset: Any = None
        while True:
            records, offset = self._client.scroll(
                self.collection, limit=1000, offset=offset, with_payload=list(keys), with_vectors=False
            )
            yield from records
            if offset is None:
                return


def _connected(client: "QdrantClient | str") -> "QdrantClient":
    try:
        from qdrant_client import QdrantClient
    except ImportError as error:
        raise MissingExtra("the Qdrant page store", "qdrant") from error
    return QdrantClient(client) if isinstance(client, str) else client


def _create(client: "QdrantClient", collection: str, identity: Identity) -> None:
    from qdrant_client import models

    many = models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM)
    kind = models.Datatype.FLOAT32 if identity.storage == "float32" else models.Datatype.FLOAT16
    quantised: dict[str, Any] = {
        "int8": models.ScalarQuantization(
            scalar=models.ScalarQuantizationConfig(type=models.ScalarType.INT8, always_ram=True)
        ),
        "binary": models.BinaryQuantization(binary=models.BinaryQuantizationConfig(always_ram=True)),
    }
    tokens = models.VectorParams(
        size=identity.dim,
        distance=models.Distance.DOT,
        multivector_config=many,
        datatype=kind,
        on_disk=True,
        hnsw_config=models.HnswConfigDiff(m=0),
        quantization_config=quantised.get(identity.storage),
    )
    sketches = models.VectorParams(size=identity.dim, distance=models.Distance.DOT, multivector_config=many)
    client.create_collection(collection, {TOKENS: tokens, SKETCH: sketches}, metadata={METADATA: asdict(identity)})
    with warnings.catch_warnings():  # the local mode has no payload indexes, and says so
        warnings.simplefilter("ignore", UserWarning)
        client.create_payload_index(collection, f"payload.{DOCUMENT}", models.PayloadSchemaType.KEYWORD)


def _again() -> "SearchParams":
    """That quantised vectors are compared again as they were before."""
    from qdrant_client import models

    return models.SearchParams(quantization=models.QuantizationSearchParams(rescore=True, oversampling=_OVERSAMPLED))


def _requests(points: "Iterable[PointStruct]") -> "Iterator[list[PointStruct]]":
    """`points` in batches that one request can hold; a page that is too large by itself is one."""
    batch: list[PointStruct] = []
    numbers = 0
    for point in points:
        size = _numbers(point)
        if batch and (len(batch) == _BATCH or numbers + size > _NUMBERS):
            yield batch
            batch, numbers = [], 0
        batch.append(point)
        numbers += size
    if batch:
        yield batch


def _numbers(point: "PointStruct") -> int:
    """How many numbers its vectors have."""
    vectors: Any = point.vector
    return sum(len(many) * len(many[0]) for many in vectors.values())


def _point_id(page: str) -> str:
    """Qdrant's ids are numbers or UUIDs: one for each of ours."""
    return str(uuid.uuid5(_PAGES_OF_IDS, page))


def _payload(point: Any) -> dict[str, Any]:
    content: dict[str, Any] = point.payload
    return content


def _filled(vectors: NDArray[np.float32]) -> list[list[float]]:
    """A point has at least one vector: a blank page gets one of zeros, and `tokens` = 0 says so."""
    filled: list[list[float]] = (vectors if len(vectors) else np.zeros((1, vectors.shape[1]))).tolist()
    return filled


def _filter(conditions: Sequence["Condition"]) -> "Filter":
    from qdrant_client import models

    return models.Filter(must=list(conditions))


def _conditions(where: Where) -> list["Condition"]:
    """Pages that are not blank and have, under every key, the value or one of the values."""
    from qdrant_client import models

    filled = models.FieldCondition(key="tokens", range=models.Range(gt=0))
    return [filled, *(_one_of(f"payload.{key}", values) for key, values in checked_where(where).items())]


def _one_of(key: str, values: Sequence[Scalar]) -> "Condition":
    from qdrant_client import models

    return models.Filter(should=[_equals(key, one) for one in values])


def _equals(key: str, value: Scalar) -> "Condition":
    from qdrant_client import models

    if isinstance(value, float):
        return models.FieldCondition(key=key, range=models.Range(gte=value, lte=value))
    return models.FieldCondition(key=key, match=models.MatchValue(value=value))
