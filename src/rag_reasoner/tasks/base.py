"""What every task can do: ask, show the skeleton of a perfect reply, and read a real one."""

from typing import Any, Protocol

from rag_reasoner.messages import Message
from rag_reasoner.tasks.scaffold import Scaffold


class Task(Protocol):
    """One question put to a model. Small, frozen, picklable; see `docs/design.md`, "The one idea"."""

    @property
    def reply_tokens(self) -> int:
        """The most tokens that a complete reply can need."""

    def messages(self) -> tuple[Message, ...]:
        """How to ask: text and images in the order in which they are meant to be read."""

    def scaffold(self) -> Scaffold:
        """The skeleton of a perfect reply, for decoding that is held to the format."""

    def parse(self, reply: str) -> Any:
        """How to read a real reply. Never raises; what it had to repair stands in the value's `faults`."""
