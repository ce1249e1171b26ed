"""A recipe for files of questions that one machine would rerank for days: parts of them go over a Ray cluster.

Ray Data gives each worker one part after another; this process writes what comes back, so nothing is there twice,
whatever dies. The file of questions, and the images it names, must be at the same paths on every node.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag_reasoner.batch.parts import Part, Tries, alone, begin, left, parted, read_part, reranked, write
from rag_reasoner.candidates import from_one_up
from rag_reasoner.errors import InvalidInput, MissingExtra
from rag_reasoner.reranker import ReasoningReranker

Columns = dict[str, NDArray[Any]]
"""A batch of rows, as Ray Data hands it over."""

_FIELDS = [field.name for field in fields(Part)]


@dataclass(frozen=True, slots=True)
class Reranked:
    """What a run did: questions with a result, lines with an error, and parts that were there before."""

    results: int
    errors: int
    parts_there: int


def rerank_file(
    questions: str | PathLike[str],
    out: str | PathLike[str],
    make: Callable[[], ReasoningReranker],
    *,
    answer: bool = False,
    workers: int = 2,
    cpus_each: float = 1,
    gpus_each: float = 0,
    part_rows: int = 64,
    at_once: int = 8,
) -> Reranked:
    """Rerank the lines of `questions`, over the Ray that is running, into parts in the folder `out`.

    `make` is called once in each of `workers` processes, which take `cpus_each` CPUs and `gpus_each` GPUs; it must
    travel, as functions of a module, lambdas and partials do. `at_once` questions share the model's batches. A part has
    `part_rows` lines; parts that are there are left alone, so the same call goes on where a run was ended.

    Raises MissingExtra without Ray, InvalidInput for a file that cannot be read, a folder of another run or a cluster
    that is too small. A question whose worker dies each time it is asked gets an error after three times.
    """
    for name, value in {"workers": workers, "part_rows": part_rows, "at_once": at_once}.items():
        from_one_up(name, value)
    try:
        import ray.data  # noqa: F401
    except ImportError as error:
        raise MissingExtra("reranking over a cluster", "ray") from error
    file, folder = Path(questions).resolve(), Path(out)
    whole = parted(file, part_rows)
    begin(folder, {"questions": whole.sha256, "part_rows": part_rows, "answer": answer})
    with alone(folder):
        todo = left(folder, whole.parts)
        there = sum(1 for part in whole.parts if part.rows) - len(todo)
        if not todo:
            return Reranked(0, 0, there)
        found = _over_cluster(todo, (make, str(file), answer, at_once), workers, cpus_each, gpus_each)
        errors = sum(_saved(folder, found))
    return Reranked(sum(part.rows for part in todo) - errors, errors, there)


def _over_cluster(
    parts: Sequence[Part], arguments: tuple[Any, ...], workers: int, cpus_each: float, gpus_each: float
) -> Iterable[Columns]:
    """What the workers make of the parts, as it comes. A part is a block of its own, so a death costs no other part."""
    import ray.data

    if not ray.is_initialized():
        ray.init()
    _check(ray.cluster_resources().get("CPU", 0), workers, cpus_each)
    places = ray.data.from_items([asdict(part) for part in parts], override_num_blocks=len(parts))
    batches: Iterable[Columns] = places.map_batches(
        Reranking,
        fn_constructor_args=(*arguments, FarTries(ray.remote(num_cpus=0)(Tries).remote())),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=workers),
        num_cpus=cpus_each,
        num_gpus=gpus_each,
    ).iter_batches(batch_size=None)
    return batches


def _check(cpus: float, workers: int, each: float) -> None:
    if workers * each > cpus:
        raise InvalidInput(
            f"{workers} workers of {each:g} CPUs do not fit a cluster of {cpus:g}: give fewer, or smaller cpus_each"
        )


class Reranking:
    """One worker: a reranker that turns places of parts into the lines of their results."""

    def __init__(
        self, make: Callable[[], ReasoningReranker], questions: str, answer: bool, at_once: int, tries: Tries
    ) -> None:
        self._reranker, self._questions, self._tries = make(), Path(questions), tries
        self._answer, self._at_once = answer, at_once

    def __call__(self, batch: Columns) -> Columns:
        found = [self._told(Part(*map(int, fields))) for fields in zip(*(batch[name] for name in _FIELDS), strict=True)]
        return {name: _objects([one[name] for one in found]) for name in ("name", "content", "errors")}

    def _told(self, part: Part) -> dict[str, Any]:
        lines = read_part(self._questions, part)
        told = reranked(lines, self._reranker, answer=self._answer, at_once=self._at_once, tries=self._tries)
        content = "".join(f"{json.dumps(one)}\n" for one in told).encode()
        return {"name": part.name, "content": content, "errors": sum("error" in one for one in told)}


class FarTries(Tries):
    """The same count, kept in an actor of its own, where no worker's death can reach it."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor

    def begin(self, what: str) -> int:
        """How often `what` was begun since it last ended, this time included."""
        import ray

        return int(ray.get(self._actor.begin.remote(what)))

    def end(self, what: str) -> None:
        import ray

        ray.get(self._actor.end.remote(what))


def _objects(values: Sequence[Any]) -> NDArray[Any]:
    """Objects, not fixed-width texts."""
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def _saved(folder: Path, batches: Iterable[Columns]) -> Iterator[int]:
    """Writes parts as they come, and gives the number of errors in each."""
    for batch in batches:
        for name, content, errors in zip(batch["name"], batch["content"], batch["errors"], strict=True):
            write(folder / str(name), bytes(content))
            yield int(errors)
