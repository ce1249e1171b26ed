"""What clients may ask: the shapes of Cohere and Jina, and our own."""

import json
import re
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from rag_reasoner.server.images import decoded
from rag_reasoner.server.problems import Problem
from rag_reasoner.types import Box, Document, Word

MOST: ContextVar[int] = ContextVar("rag_reasoner_server_candidates", default=100)
"""How many documents a request may have; the server says so before a request is validated."""

_HALF = re.compile("[\ud800-\udfff]")

Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


def _whole(text: str) -> str:
    if _HALF.search(text):
        raise PydanticCustomError("half_a_pair", "the text has half a surrogate pair, which is no character")
    return text


class AskedWord(BaseModel):
    """A word of a page: `text[start:end]`, and its box as fractions of the page from the top left."""

    model_config = ConfigDict(extra="forbid")

    start: int = Field(ge=0)
    end: int = Field(ge=0)
    box: tuple[Fraction, Fraction, Fraction, Fraction] = Field(description="left, top, right, bottom")


class AskedDocument(BaseModel):
    """A document as an object: a text, an image, or both. Other fields come back with `return_documents`."""

    model_config = ConfigDict(extra="allow", coerce_numbers_to_str=True)

    text: str = ""
    image: str | None = Field(
        default=None, description="PNG, JPEG, WebP or TIFF, as a data URL or plain base64; never an address or a path"
    )
    id: str | None = None
    title: str = ""
    source: str | None = Field(default=None, description="a name for people; nothing is read from there")
    page: int | None = Field(default=None, ge=1)
    words: list[AskedWord] = Field(default=[], description="where the words stand, so that quotes get boxes")

    @model_validator(mode="after")
    def _can_be_sent_back(self) -> "AskedDocument":
        try:
            json.dumps(self.model_extra, ensure_ascii=False, allow_nan=False).encode()
        except ValueError:
            raise PydanticCustomError("unwritable", "a field has NaN, Infinity, or half a surrogate pair") from None
        return self

    def shown(self, fields: Sequence[str]) -> str:
        """The text, or the values of `fields` in their order, where the document has any of them."""
        values = {**(self.model_extra or {}), "title": self.title, "text": self.text}
        return "\n".join(str(values[field]) for field in fields if values.get(field)) or self.text

    def returned(self) -> dict[str, Any]:
        """What came in, without pictures and places."""
        return {"text": self.text, **self.model_dump(exclude_unset=True, exclude={"image", "words"})}


def _shape(given: object) -> str:
    return "text" if isinstance(given, str) else "object"


def _not_too_many(given: object) -> object:
    if isinstance(given, list) and len(given) > MOST.get():
        values = {"given": len(given), "most": MOST.get()}
        raise PydanticCustomError("too_many", "{given} were given, at most {most} are ranked; send fewer", values)
    return given


TextDocument = Annotated[str, AfterValidator(_whole), Tag("text")]
DocumentLike = Annotated[TextDocument | Annotated[AskedDocument, Tag("object")], Discriminator(_shape)]
Documents = Annotated[list[DocumentLike], BeforeValidator(_not_too_many)]


class Asked(BaseModel):
    """What both kinds of requests have. The model is the server's: any name is taken, and none changes it."""

    model_config = ConfigDict(extra="forbid")

    documents: Documents = Field(description="texts, or objects with text, image, or both, in the order of retrieval")
    top_n: int | None = Field(default=None, ge=1, description="how many come back; all, if not given")
    model: str | None = Field(default=None, max_length=256, description="taken, and not used: the model is fixed")
    return_documents: bool | None = None
    rank_fields: list[str] | None = Field(default=None, max_length=32, description="fields of objects to read")

    max_chunks_per_doc: int | None = Field(default=None, description="ignored")
    max_tokens_per_doc: int | None = Field(default=None, description="ignored")
    priority: int | None = Field(default=None, description="ignored")
    truncation: bool | None = Field(default=None, description="ignored")
    truncate: bool | str | None = Field(default=None, description="ignored")
    truncate_prompt_tokens: int | None = Field(default=None, description="ignored")
    user: str | None = Field(default=None, description="ignored")
    raw_scores: Literal[False] | None = None
    return_embeddings: Literal[False] | None = None

    @property
    def ignored(self) -> list[str]:
        """The fields that were given and change nothing."""
        return [name for name in IGNORED if getattr(self, name) is not None]


IGNORED = tuple(name for name, field in Asked.model_fields.items() if field.description == "ignored")


class RerankRequest(Asked):
    """A request in the shape of Cohere's v1 and v2, and of Jina's."""

    query: str = Field(min_length=1)


class AnswerRequest(Asked):
    """A question, and the documents to answer it from."""

    question: str = Field(min_length=1)
    stream: bool = Field(default=False, description="server-sent events: step, text, and result or error")


NAMES = frozenset(
    name for model in (RerankRequest, AnswerRequest, AskedDocument, AskedWord) for name in model.model_fields
)
"""Every field that a message may name."""


def documents_of(asked: Asked) -> list[Document]:
    """The documents, images checked. Raises Problem for one that has neither text nor image. Blocks."""
    fields = asked.rank_fields or ()
    return [_document(place, one, fields) for place, one in enumerate(asked.documents)]


def _document(place: int, given: str | AskedDocument, fields: Sequence[str]) -> Document:
    if isinstance(given, str):
        return Document(str(place), given)
    where = f"documents.{place}"
    text = given.shown(fields)
    if not text and given.image is None and "text" not in given.model_fields_set:
        raise Problem(422, "invalid", f"{where} has neither text nor image; give one of them")
    image = None if given.image is None else decoded(given.image, f"{where}.image")
    words = tuple(Word(word.start, word.end, Box(*word.box)) for word in given.words if not fields)
    return Document(given.id or str(place), text, image, given.source, given.page, given.title, words)
