"""WebQA's official files: `WebQA_train_val.json`, and `imgs.tsv` with `imgs.lineidx` for the pictures.

The pictures' file has 51 GB: a picture is read from its place in the file when its question is asked, and not before.
"""

import base64
import binascii
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rag_reasoner.errors import InvalidInput
from rag_reasoner.evaluate.loaders.files import field, readable, whole_json
from rag_reasoner.evaluate.row import Row, Want
from rag_reasoner.evaluate.sample import rank_of
from rag_reasoner.types import Document, Image

FILE = "WebQA_train_val.json"


def load(folder: Path, split: str, want: Want) -> Iterator[Row]:
    """The questions of `split` ("train" or "val"), each with its positive and negative snippets and pictures."""
    path = folder / FILE
    if not path.exists():
        raise InvalidInput(
            f"{path} is missing: WebQA's questions; put it into {folder}, with imgs.tsv and imgs.lineidx"
        )
    pictures = Pictures(folder)
    for row_id, found in whole_json(path).items():
        if found.get("split") == split and want(row_id):
            yield _row(row_id, found, pictures, f"{path}, {row_id}")


def _row(row_id: str, found: Any, pictures: "Pictures", where: str) -> Row:
    right = _facts(found, "posFacts", where)
    facts = _facts(found, "negFacts", where) | right
    order = sorted(facts, key=lambda one: rank_of(f"{row_id}/{one}"))  # the file's order gives the right ones away
    answers = found.get("A", ())
    return Row(
        id=row_id,
        question=_bare(field(found, "Q", where)),
        candidates=tuple(_document(one, facts[one], pictures) for one in order),
        relevant=dict.fromkeys(right, 1.0),
        answers=tuple(_bare(answer) for answer in ([answers] if isinstance(answers, str) else answers)),
        group=str(found.get("Qcate", "")),
        gold={"keywords": _bare(found["Keywords_A"])} if found.get("Keywords_A") else {},
    )


def _bare(text: str) -> str:
    """WebQA quotes its strings once more inside the JSON."""
    return str(text).strip().removeprefix('"').removesuffix('"')


def _facts(found: Any, kind: str, where: str) -> dict[str, Any]:
    """The snippets and pictures of a kind by their ids; one that is listed twice counts once."""
    facts = [fact for medium in ("txt", "img") for fact in found.get(f"{medium}_{kind}", ())]
    return {str(fact["image_id"] if "image_id" in fact else field(fact, "snippet_id", where)): fact for fact in facts}


def _document(one: str, fact: Any, pictures: "Pictures") -> Document:
    title = str(fact.get("title", ""))
    if "image_id" not in fact:
        return Document(one, str(fact.get("fact", "")), title=title, source=fact.get("url"))
    picture = pictures.read(int(fact["image_id"]))
    return Document(one, str(fact.get("caption", "")), picture, fact.get("imgUrl"), title=title)


def _numbers(path: Path) -> list[int]:
    with readable(path):
        lines = path.read_text(encoding="utf-8").split()
    try:
        return list(map(int, lines))
    except ValueError as error:
        raise InvalidInput(f"{path} is not a list of numbers: {error}") from error


class Pictures:
    """The pictures by number: line n of `imgs.lineidx` is where picture n's line begins in `imgs.tsv`."""

    def __init__(self, folder: Path) -> None:
        self._tsv, self._index = folder / "imgs.tsv", folder / "imgs.lineidx"
        self._starts: list[int] | None = None

    def read(self, number: int) -> Image:
        """Picture `number`. Raises InvalidInput naming the file that is missing or does not fit."""
        starts = self._places()
        place = number % 10_000_000
        if place >= len(starts):
            raise InvalidInput(f"{self._index} has {len(starts)} lines, but picture {number} is asked for")
        with self._tsv.open("rb") as file:
            file.seek(starts[place])
            name, _, data = file.readline().rstrip(b"\n").partition(b"\t")
        if name.decode(errors="replace") != str(number):
            raise InvalidInput(f"{self._tsv} has {name[:20]!r} where {self._index} says that picture {number} begins")
        try:
            return Image(data=base64.b64decode(data, validate=True))
        except binascii.Error as error:
            raise InvalidInput(f"{self._tsv}: picture {number} is not base64: {error}") from error

    def _places(self) -> list[int]:
        if self._starts is None:
            for path in (self._tsv, self._index):
                if not path.exists():
                    raise InvalidInput(f"{path} is missing: WebQA's pictures; merge imgs.7z.001 ff. and put it there")
            self._starts = _numbers(self._index)
        return self._starts
