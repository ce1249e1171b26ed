"""What could not be read, and why."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unread:
    """A file, or one page of it (from 1), that could not be read, and the reason in words for a person."""

    source: str
    reason: str
    page: int | None = None

    def __str__(self) -> str:
        return f"{self.source}: {self.reason}" if self.page is None else f"{self.source} p. {self.page}: {self.reason}"
