"""Writing held to a format: the model chooses, and what it must not choose is given.

Made for models too small to keep a format by themselves. What is written always parses without a fault of form.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rag_reasoner.backends.local import trie
from rag_reasoner.backends.local.generate import Written, ends_of
from rag_reasoner.backends.local.load import Loaded
from rag_reasoner.backends.local.said import MARK, Said
from rag_reasoner.backends.local.walker import Ids, Walker
from rag_reasoner.backends.local.worker import Stop
from rag_reasoner.encoding import Encoded
from rag_reasoner.tasks.evidence import quoted
from rag_reasoner.tasks.scaffold import Choice, Evidenced, Free, Literal, Marked, Permutation, Piece, Scaffold
from rag_reasoner.tasks.statement import ABSTENTION, unmarked

_MARKS = tuple(f"[{digit}" for digit in "123456789")
"""What a mark of a document begins with."""

_LOOKED_AT = 2000
"""Among so many of the most probable tokens one is looked for that a quote may go on with."""


def write_held(
    prompt: Encoded, scaffold: Scaffold, loaded: Loaded, stop: Stop, on_reply: Callable[[str], None] | None = None
) -> Written:
    """The reply to `prompt` along `scaffold`."""
    pen = _Pen(prompt, loaded, stop)
    for piece, following in _with_following(scaffold):
        pen.write(piece, following)
        if on_reply:
            on_reply(pen.text)
    return Written(pen.text, len(loaded.encoder.reply_ids(pen.text)), truncated=False)


def _with_following(scaffold: Scaffold) -> Iterator[tuple[Piece, str]]:
    """Each piece, and the literal text after it: it tells 1 from the beginning of 12."""
    for place, piece in enumerate(scaffold):
        after = scaffold[place + 1] if place + 1 < len(scaffold) else None
        yield piece, after.text if isinstance(after, Literal) else ""


class _Pen:
    """Writes piece after piece. The text so far is the truth; its tokens are made anew from it for each choice."""

    def __init__(self, prompt: Encoded, loaded: Loaded, stop: Stop) -> None:
        self.text = ""
        self._walker = Walker(prompt, loaded)
        self._encoder = loaded.encoder
        self._stop = stop
        self._ends = ends_of(loaded)
        self._never = sorted(loaded.encoder.special_ids - self._ends)

    def write(self, piece: Piece, following: str) -> None:
        """Writes one piece."""
        match piece:
            case Literal(text):
                self.text += text
            case Choice(options):
                self.text += self._chosen(options, following)
            case Permutation(n, separator):
                self._permute(n, separator, following)
            case Evidenced(texts, max_tokens, quoted_after):
                must_quote = bool(quoted_after) and self.text.endswith(quoted_after)
                self.text += self._evidence(Said(texts, must_quote=must_quote), max_tokens)
            case Free(stops, max_tokens):
                self.text += self._freely(stops, max_tokens).strip()
            case Marked(stops, max_tokens):
                self.text += (said := unmarked(self._freely((*stops, *_MARKS), max_tokens)))
                if said != ABSTENTION:
                    self._mark(quoted(self.text), following)

    def _permute(self, n: int, separator: str, following: str) -> None:
        left = [str(number) for number in range(1, n + 1)]
        while left:
            number = self._chosen(left, separator if len(left) > 1 else following)
            left.remove(number)
            self.text += number + (separator if left else "")

    def _mark(self, numbers: Sequence[int], following: str) -> None:
        """Marks of documents with these numbers: one, and more until the model would rather end."""
        left = [f"[{number}]" for number in numbers]
        self.text += " " if left else ""
        end: tuple[str, ...] = ()
        while left and (mark := self._chosen((*end, *left), following)):
            self.text += mark
            left.remove(mark)
            end = ("",)

    def _chosen(self, options: Sequence[str], following: str) -> str:
        self._stop.check()
        ids = [self._encoder.reply_ids(self.text + option + following) for option in options]
        return options[trie.best(ids, self._expected)]

    def _expected(self, written: Ids, tokens: Sequence[int]) -> list[float]:
        scores = self._walker.expects(written, tokens)
        return [float(scores[token]) for token in tokens]

    def _freely(self, stops: Sequence[str], max_tokens: int) -> str:
        start = self._encoder.reply_ids(self.text)
        ids: Ids = ()
        for _ in range(max_tokens):
            self._stop.check()
            token = self._next(start + ids)
            if token in self._ends:
                break
            ids += (token,)
            if (found := _first(self._said(ids), stops)) is not None:
                return self._said(ids)[:found]
        return self._said(ids).rstrip("\ufffd")

    def _evidence(self, line: Said, max_tokens: int) -> str:
        """The most probable token of those that the line may go on with, again and again."""
        start = self._encoder.reply_ids(self.text)
        ids: Ids = ()
        for _ in range(max_tokens):
            self._stop.check()
            token = self._next_of(line, start, ids)
            if token is None:
                break
            ids += (token,)
            if line.is_whole(self._said(ids)):
                break
        return line.closed(self._said(ids))

    def _next_of(self, line: Said, start: Ids, ids: Ids) -> int | None:
        """None where the line ends: where the model would end a reason, or has nothing to go on with."""
        scores = self._expected_next(start + ids)
        may_end = not line.must_quote and not self._said(ids).startswith(f" {MARK}")
        for token in scores.topk(min(_LOOKED_AT, len(scores))).indices.tolist():
            said = self._said((*ids, token))
            if line.may_begin(said):
                return int(token)
            if may_end and (token in self._ends or said.endswith("\n")):
                return None
        return None

    def _next(self, written: Ids) -> int:
        return int(self._expected_next(written).argmax())

    def _expected_next(self, written: Ids) -> Any:
        scores: Any = self._walker.expects(written).clone()
        scores[self._never] = float("-inf")
        return scores

    def _said(self, ids: Ids) -> str:
        return str(self._encoder.tokenizer.decode(ids, clean_up_tokenization_spaces=False))


def _first(text: str, stops: Sequence[str]) -> int | None:
    """Where the first of `stops` begins in `text`."""
    found = [place for stop in stops if (place := text.find(stop)) >= 0]
    return min(found, default=None)
