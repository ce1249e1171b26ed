"""A streamed chat completion: its text is told as it comes, and at the end it is what an unstreamed one would be."""

from collections.abc import Callable
from typing import Any

from rag_reasoner.backends.base import Reply
from rag_reasoner.backends.http.retry import Kind, Trouble
from rag_reasoner.backends.openai_compatible.special import mended, settled
from rag_reasoner.errors import BackendError
from rag_reasoner.types import Fault

FIELDS = {"stream": True, "stream_options": {"include_usage": True}}

Tell = Callable[[str], object]


class Heard:
    """What was heard of one reply. `tell` gets its text piece by piece, special strings mended as in the whole."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self.told = False
        self.begin()

    def begin(self) -> None:
        self._pieces: list[str] = []
        self._untold, self._finish, self._usage = "", None, None

    def hear(self, event: Any) -> None:
        if not isinstance(event, dict):
            raise Trouble(Kind.MALFORMED, "the server's stream cannot be read")
        if event.get("error"):
            raise Trouble(Kind.UNREACHED, "the server's stream ends in an error")
        self._usage = event.get("usage") or self._usage
        choices = event.get("choices")
        if isinstance(choices, list) and choices and isinstance(choices[0], dict):
            self._choice(choices[0])

    def whole(self) -> Any:
        if self._finish is None:
            raise Trouble(Kind.UNREACHED, "the server's stream breaks off")
        text = "".join(self._pieces) if self._pieces or self._finish == "stop" else None
        choice = {"message": {"content": text}, "finish_reason": self._finish}
        return {"choices": [choice], "usage": self._usage}

    @property
    def finished(self) -> bool:
        """Whether the reply came to its end, though perhaps the stream did not."""
        return self._finish is not None

    def cut(self, error: BackendError) -> Reply:
        """The reply as far as it came, and why no further."""
        return Reply(mended("".join(self._pieces)), Fault("truncated", f"the reply broke off: {error}"))

    def _choice(self, choice: dict[str, Any]) -> None:
        delta = choice.get("delta")
        text = delta.get("content") if isinstance(delta, dict) else None
        if isinstance(text, str):
            self._pieces.append(text)
            self._untold += text
        self._finish = choice.get("finish_reason") or self._finish
        self._tell_on(len(self._untold) if self._finish else settled(self._untold))

    def _tell_on(self, length: int) -> None:
        """Tell of the next `length` characters."""
        if length:
            piece, self._untold = mended(self._untold)[:length], self._untold[length:]
            self.told = True
            self._tell(piece)
