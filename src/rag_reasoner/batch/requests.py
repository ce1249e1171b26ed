"""Replaying a pipeline over the replies so far: it ends with a result, or waits for requests not asked yet.

`build_requests` and `parse_replies` take and give plain JSON values in the shape of OpenAI's batch files, which vLLM's
`run_batch` reads too. What was asked and has no reply, or none that can be read, costs its own task only.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from rag_reasoner.backends.base import Card, Judged, Reply
from rag_reasoner.backends.http.estimate import estimate
from rag_reasoner.backends.http.images import reader
from rag_reasoner.backends.http.retry import Trouble
from rag_reasoner.backends.openai_compatible.dialects import CONTEXT, DIALECTS, Name
from rag_reasoner.backends.openai_compatible.wire import NoLogprobs, Wire, read_completion, read_judgement
from rag_reasoner.candidates import checked_query
from rag_reasoner.errors import InvalidInput, Unreadable
from rag_reasoner.located import result_of
from rag_reasoner.messages import images
from rag_reasoner.results import Result
from rag_reasoner.stages.keep import Keep
from rag_reasoner.stages.pipeline import Model, Settings, pipeline
from rag_reasoner.stages.rank import Listwise
from rag_reasoner.stages.steps import AskJudge, Request, metered
from rag_reasoner.tasks.base import Task
from rag_reasoner.types import Candidate, Fault

URL = "/v1/chat/completions"


@dataclass(frozen=True, slots=True)
class Question:
    """A query and its candidates in retrieval order. `id` is unique in a batch."""

    id: str
    query: str
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of which model. `judges`: the filter asks too, which needs a server that has log-probabilities."""

    model: str
    dialect: Name = "openai"
    context: int = CONTEXT
    judges: bool = False
    answer: bool = False
    keep: Keep = "auto"
    top_n: int | None = None
    think_tokens: int = 0
    held: bool = True
    document_tokens: int | None = None
    reads_images: bool = False
    image_roots: tuple[str, ...] = (".",)
    extra_body: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def wire(self) -> Wire:
        if self.dialect not in DIALECTS:
            raise InvalidInput(f"dialect: unknown {self.dialect!r}; choose from {', '.join(DIALECTS)}")
        return Wire(self.model, DIALECTS[self.dialect], self.held, self.think_tokens, extra=self.extra_body)

    @property
    def settings(self) -> Settings:
        model = Model(Card(self.model, self.context, reads_images=self.reads_images), estimate)
        listwise = Listwise(self.document_tokens)
        return Settings(model if self.judges else None, model, self.keep, self.top_n, listwise=listwise)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A question that needs replies: the lines of a batch file that ask for them."""

    lines: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Done:
    """A question that is through."""

    result: Result


def build_requests(
    questions: Iterable[Question], plan: Plan, replies: Mapping[str, Any] | None = None, asked: Collection[str] = ()
) -> list[dict[str, Any]]:
    """The lines of the next round's batch file, none when all questions are through.

    `asked` are the ids of all rounds so far, `replies` what `parse_replies` made of what came back.
    """
    states = (advance(question, plan, replies or {}, asked) for question in questions)
    return [line for state in states if isinstance(state, Waiting) for line in state.lines]


def parse_replies(lines: Iterable[str | bytes]) -> dict[str, Any]:
    """The responses in the lines of a batch's output file, by custom_id. A torn or failed line is left out."""
    found: dict[str, Any] = {}
    for line in lines:
        try:
            said = json.loads(line)
        except (ValueError, RecursionError):
            continue
        response = said.get("response") if isinstance(said, dict) else None
        if isinstance(response, dict) and response.get("status_code", 200) == 200 and "body" in response:
            found[str(said.get("custom_id"))] = response["body"]
    return found


def advance(question: Question, plan: Plan, replies: Mapping[str, Any], asked: Collection[str]) -> Waiting | Done:
    """Where a question stands, given the replies so far. Raises InvalidInput for a query that cannot be asked."""
    query, wire = checked_query(question.query), plan.wire
    steps = metered(pipeline(query, question.candidates, plan.settings, answer=plan.answer))
    round_ = 0
    try:
        request = next(steps)
        while True:
            round_ += 1
            posed = [_posed(question.id, round_, place, task, request, wire, plan) for place, task in _placed(request)]
            lines = [one.line for one in posed if one.line and one.id not in replies and one.id not in asked]
            if lines:
                return Waiting(tuple(lines))
            request = steps.send([one.answered(replies) for one in posed])
    except StopIteration as done:
        outcome, usage = done.value
        return Done(result_of(query, outcome, usage, {}, plan.model))


@dataclass(frozen=True, slots=True)
class _Posed:
    """A task with its id; without a line where it cannot even be asked."""

    id: str
    judged: bool
    line: dict[str, Any] | None = None
    fault: Fault | None = None
    images: int = 0

    def answered(self, replies: Mapping[str, Any]) -> Any:
        """What came back, or the fault in its place."""
        failed: Any = partial(Judged, None) if self.judged else partial(Reply, None)
        if self.fault:
            return failed(self.fault)
        if self.id not in replies:
            return failed(Fault("backend_error", "the batch's file has no reply to this"))
        try:
            return (read_judgement if self.judged else read_completion)(replies[self.id], self.images)
        except NoLogprobs:
            told = "the replies have no log-probabilities: export without the filter"
            return failed(Fault("backend_error", told))
        except Trouble as trouble:
            return failed(Fault("backend_error", str(trouble)))


def _placed(request: Request) -> list[tuple[int, Any]]:
    return list(enumerate(request.tasks))


def _posed(id: str, round_: int, place: int, task: Any, request: Request, wire: Wire, plan: Plan) -> _Posed:
    judged = isinstance(request, AskJudge)
    try:
        body = _body(task, wire, plan, judged=judged)
    except Unreadable as error:
        return _Posed("", judged, fault=Fault("image_unread", str(error)))
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()[:12]
    custom_id = f"{id}-{round_}-{place}-{digest}"
    line = {"custom_id": custom_id, "method": "POST", "url": URL, "body": body}
    return _Posed(custom_id, judged, line, images=len(list(images(task.messages()))))


def _body(task: Task, wire: Wire, plan: Plan, *, judged: bool) -> dict[str, Any]:
    image_url = reader(None, allow_urls=False, image_roots=plan.image_roots)
    return wire.judgement(task, image_url) if judged else wire.completion(task, image_url)  # type: ignore[arg-type]
