"""Backends that each do one thing, well or badly. A document states its worth in its text: "worth 0.7 ..."."""

import asyncio
import re
import threading
from dataclasses import replace

from rag_reasoner.backends.base import Card, Judged, Reply
from rag_reasoner.errors import BackendError
from rag_reasoner.messages import plain
from rag_reasoner.tasks import Evidence, ListwiseReply, Statement, show
from rag_reasoner.types import Candidate, Document, Fault, Usage

CARD = Card("fake", context=100_000, calibrated=True)
UNTRAINED = replace(CARD, name="untrained", trained=False)
QUERY = "Which is worth most?"


def worth(text):
    """What a document says it is worth; 0 where it says nothing."""
    stated = re.search(r"worth (0?\.\d+|[01])", text)
    return float(stated[1]) if stated else 0.0


def documents(*worths):
    return [Document(f"d{place}", f"worth {value} indeed") for place, value in enumerate(worths)]


def shown(*worths):
    return tuple(show(Candidate(document, place)) for place, document in enumerate(documents(*worths)))


def positions(result):
    """The positions of all candidates that came out."""
    return sorted(one.candidate.position for one in (*result.ranked, *result.dropped))


def timeless(result):
    """A result without what differs from run to run."""
    return replace(result, timings={})


def kinds(result):
    return {fault.kind for fault in result.faults}


class Perfect:
    """Judges and ranks by worth, quotes what it goes by, and remembers what it was asked. The base of all others."""

    def __init__(self, card=CARD):
        self.card = card
        self.judged = []
        self.completed = []

    def count(self, messages):
        return len(plain(messages).split())

    def chance(self, document):
        return worth(document.original)

    def order(self, task):
        return sorted(range(len(task.documents)), key=lambda place: -worth(task.documents[place].original))

    def write(self, task):
        order = tuple(self.order(task))
        lines = tuple(
            Evidence(n, True, quote=" ".join(one.text.split()[:2])) for n, one in enumerate(task.documents, 1)
        )
        said = Statement(f"it is {worth(task.documents[order[0]].original)} [{order[0] + 1}]", (order[0],))
        return task.render(ListwiseReply(order, len(order), lines, said, reasoning="so it is"))

    def verdict(self, task):
        return Judged(self.chance(task.document), usage=Usage(prompt_tokens=10))

    def reply(self, task):
        return Reply(self.write(task), usage=Usage(prompt_tokens=10, completion_tokens=5))

    def judge(self, tasks):
        self.judged += tasks
        return [self.verdict(task) for task in tasks]

    def complete(self, tasks, on_text=None):
        self.completed += tasks
        replies = [self.reply(task) for task in tasks]
        for place, reply in enumerate(replies if on_text else ()):
            for word in (reply.text or "").split(" "):
                on_text(place, word)
        return replies

    async def ajudge(self, tasks):
        await asyncio.sleep(0)
        return self.judge(tasks)

    async def acomplete(self, tasks, on_text=None):
        await asyncio.sleep(0)
        return self.complete(tasks, on_text)


class Says(Perfect):
    """Writes the same whatever it is asked."""

    def __init__(self, text, card=CARD):
        super().__init__(card)
        self.text = text

    def write(self, task):
        return self.text


class Mute(Perfect):
    """Fails at every single item."""

    def verdict(self, task):
        return Judged(None, Fault("backend_error", "mute"))

    def reply(self, task):
        return Reply(None, Fault("backend_error", "mute"))


class Dumb(Perfect):
    """Gives nothing, and no reason."""

    def verdict(self, task):
        return Judged(None)

    def reply(self, task):
        return Reply(None)


class Garbling(Perfect):
    """Writes its perfect reply with every third character gone."""

    def write(self, task):
        text = super().write(task)
        return "".join(character for place, character in enumerate(text) if place % 3)


class Curt(Perfect):
    """Names only the best document, and says no more."""

    def write(self, task):
        return f"<rank>{self.order(task)[0] + 1}</rank>"


class Hijacked(Perfect):
    """Does what the first document tells it to."""

    def write(self, task):
        return task.documents[0].original


class Leaning(Perfect):
    """Prefers what it is shown first, by `bias` from the first place to the last."""

    def __init__(self, bias, card=CARD):
        super().__init__(card)
        self.bias = bias

    def order(self, task):
        count = len(task.documents)
        felt = [worth(one.original) - self.bias * place / count for place, one in enumerate(task.documents)]
        return sorted(range(count), key=lambda place: -felt[place])


class Failing(Perfect):
    """Fails at every listwise task that shows a document with `mark`, and remembers these."""

    def __init__(self, mark, card=CARD):
        super().__init__(card)
        self.mark = mark

    def reply(self, task):
        if any(self.mark in document.original for document in task.documents):
            return Reply(None, Fault("backend_error", "broken"))
        return super().reply(task)


class Down(Perfect):
    """Cannot be asked at all."""

    def judge(self, tasks):
        raise BackendError("the server is down", retryable=True)

    def complete(self, tasks, on_text=None):
        raise BackendError("the server is down", retryable=True)


class Buggy(Perfect):
    """Has a bug."""

    def complete(self, tasks, on_text=None):
        raise TypeError("a bug of its own")


class Miscounting(Perfect):
    """Loses the last reply of a batch."""

    def judge(self, tasks):
        return super().judge(tasks)[:-1]

    def complete(self, tasks, on_text=None):
        return super().complete(tasks, on_text)[:-1]


class Slow(Perfect):
    """Writes word by word, and waits before each until it is let; tells when it is interrupted."""

    def __init__(self):
        super().__init__()
        self.go_on, self.writing, self.ended = threading.Semaphore(0), threading.Event(), threading.Event()
        self.words = 0

    def complete(self, tasks, on_text=None):
        try:
            for _ in range(1000):
                self.writing.set()
                self.go_on.acquire()
                self.words += 1
                on_text(0, "word ")
            return [self.reply(task) for task in tasks]
        finally:
            self.ended.set()

    async def acomplete(self, tasks, on_text=None):
        try:
            for _ in range(1000):
                self.writing.set()
                on_text(0, "word ")
                self.words += 1
                await asyncio.sleep(0)
            return [self.reply(task) for task in tasks]
        finally:
            self.ended.set()


def only_judges(card=CARD):
    """A backend that is a Judge and no Completer."""
    model = Perfect(card)

    class Judge:
        count, judge, ajudge = model.count, model.judge, model.ajudge

        def __init__(self):
            self.card = card

    return Judge()


def only_completes(card=CARD):
    """A backend that is a Completer and no Judge."""
    model = Perfect(card)

    class Completer:
        count, complete, acomplete = model.count, model.complete, model.acomplete

        def __init__(self):
            self.card = card

    return Completer()
