"""Requests and replies of chat completions as pure functions: what goes over HTTP, and into batch files."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rag_reasoner.backends.base import Judged, Reply
from rag_reasoner.backends.http.retry import Kind, Trouble
from rag_reasoner.backends.openai_compatible.content import ImageUrl, chat
from rag_reasoner.backends.openai_compatible.dialects import DIALECTS, Dialect
from rag_reasoner.backends.openai_compatible.form import held
from rag_reasoner.backends.openai_compatible.special import mended
from rag_reasoner.backends.openai_compatible.stream import FIELDS
from rag_reasoner.tasks.base import Task
from rag_reasoner.tasks.relevance import NO, YES, RelevanceTask
from rag_reasoner.types import Fault, Usage

PATH = "/chat/completions"
TOP_LOGPROBS = 20
"""What OpenAI allows, and vLLM unless it is told otherwise."""


class NoLogprobs(Exception):
    """The server replied, but without log-probabilities."""


@dataclass(frozen=True, slots=True)
class Wire:
    """How one model on one server is asked. `extra` is put into every request; None takes a field out."""

    model: str
    dialect: Dialect = DIALECTS["openai"]
    held: bool = True
    think_tokens: int = 0
    limit_field: str = "max_tokens"
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def completion(self, task: Task, image_url: ImageUrl, *, stream: bool = False) -> dict[str, Any]:
        """The request for a reply. Thinking has a budget of its own, on top of what the reply may need."""
        fields = {**self.dialect.thinking(self.think_tokens), **(FIELDS if stream else {})}
        if self.held and (self.dialect.held_thinking or not self.think_tokens):
            fields |= held(task.scaffold(), self.dialect)
        return self._request(task, image_url, task.reply_tokens + self.think_tokens, fields)

    def judgement(self, task: RelevanceTask, image_url: ImageUrl) -> dict[str, Any]:
        """The request for the likeliest first tokens."""
        fields = {"logprobs": True, "top_logprobs": TOP_LOGPROBS, **self.dialect.thinking(0)}
        return self._request(task, image_url, 1, fields)

    def _request(self, task: Task, image_url: ImageUrl, limit: int, fields: Mapping[str, Any]) -> dict[str, Any]:
        shared = {"model": self.model, "messages": chat(task.messages(), image_url)}
        body = {
            **shared,
            self.limit_field: limit,
            "temperature": 0,
            "seed": 0,
            **self.dialect.always,
            **fields,
            **self.extra,
        }
        return {name: value for name, value in body.items() if value is not None}


def read_completion(said: Any, images: int = 0) -> Reply:
    """The reply of a response. Raises Trouble where it is none.

    Thinking in a field of its own is left there; in tags, the task leaves it out.
    """
    choice = _choice(said)
    text, truncated = _message(choice).get("content"), choice.get("finish_reason") == "length"
    usage = _usage(said, images)
    if choice.get("finish_reason") == "content_filter":
        return Reply(None, Fault("backend_error", "the server's content filter stopped the reply"), usage)
    if truncated and not text:
        detail = "the limit was reached before the reply began; give more think_tokens, or turn thinking off"
        return Reply(None, Fault("truncated", detail), usage)
    if not isinstance(text, str):
        raise Trouble(Kind.MALFORMED, "the server's reply has no text")
    return Reply(mended(text), usage=usage, truncated=truncated)


def read_judgement(said: Any, images: int = 0) -> Judged:
    """P(yes) against P(no) among the likeliest first tokens. Raises Trouble, or NoLogprobs where there are none."""
    likeliest = _likeliest(_choice(said))
    usage = _usage(said, images)
    yes, no = _exactly(likeliest) or (_mass(likeliest, YES), _mass(likeliest, NO))
    if yes + no == 0:
        detail = f"neither {YES!r} nor {NO!r} is among the {len(likeliest)} likeliest first words"
        return Judged(None, Fault("unreadable", detail), usage)
    least = min(math.exp(logprob) for _, logprob in likeliest)  # what is not listed has at most this
    yes, no = yes or min(least, no), no or min(least, yes)
    return Judged(yes / (yes + no), usage=usage)


def _exactly(likeliest: list[tuple[str, float]]) -> tuple[float, float] | None:
    """The probabilities of the very words that are asked for, as a local model is read; None if one is not listed."""
    listed = dict(reversed(likeliest))
    return (math.exp(listed[YES]), math.exp(listed[NO])) if YES in listed and NO in listed else None


def _mass(likeliest: list[tuple[str, float]], word: str) -> float:
    return math.fsum(math.exp(logprob) for token, logprob in likeliest if token.strip(" \n\t▁Ġ").lower() == word)


def _likeliest(choice: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Tokens and log-probabilities of the first place."""
    logprobs = choice.get("logprobs")
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    first = content[0] if isinstance(content, list) and content else None
    top = first.get("top_logprobs") if isinstance(first, dict) else None
    if not isinstance(top, list) or not top:
        raise NoLogprobs
    return [_pair(one) for one in top]


def _pair(one: Any) -> tuple[str, float]:
    token, logprob = (one.get("token"), one.get("logprob")) if isinstance(one, dict) else (None, None)
    if not isinstance(token, str) or not isinstance(logprob, int | float) or not logprob <= 1e-3:
        raise Trouble(Kind.MALFORMED, "the server's log-probabilities cannot be read")
    return token, float(logprob)


def _choice(said: Any) -> Mapping[str, Any]:
    choices = said.get("choices") if isinstance(said, dict) else None
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise Trouble(Kind.MALFORMED, "the server's reply has no choices")
    return choices[0]


def _message(choice: Mapping[str, Any]) -> Mapping[str, Any]:
    message = choice.get("message")
    return message if isinstance(message, dict) else {}


def _usage(said: Mapping[str, Any], images: int) -> Usage:
    given = said.get("usage")
    counts = given if isinstance(given, dict) else {}
    return Usage(1, _count(counts.get("prompt_tokens")), _count(counts.get("completion_tokens")), images)


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0
