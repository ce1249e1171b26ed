"""The retry table: what may be asked again, how often, and after how long."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum

MOST_ATTEMPTS = 3
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 8.0


class Kind(Enum):
    """What kind of trouble."""

    BUSY = "busy"
    UNREACHED = "unreached"
    MALFORMED = "malformed"
    FINAL = "final"


RETRIES = {Kind.BUSY: 2, Kind.UNREACHED: 2, Kind.MALFORMED: 1, Kind.FINAL: 0}
"""How often each may be asked again."""


class Trouble(Exception):
    """An attempt that failed. The message names no text, no key and nothing that a server wrote freely."""

    def __init__(self, kind: Kind, message: str, retry_after: float | None = None, status: int | None = None) -> None:
        super().__init__(message)
        self.kind, self.retry_after, self.status = kind, retry_after, status


@dataclass(frozen=True, slots=True)
class Tries:
    """What has failed so far in one call."""

    failed: tuple[Kind, ...] = ()

    def after(self, trouble: Trouble) -> "Tries":
        return Tries((*self.failed, trouble.kind))

    def may_go_on(self, trouble: Trouble) -> bool:
        """Whether the table allows another attempt. `trouble` is among what has failed."""
        return len(self.failed) < MOST_ATTEMPTS and self.failed.count(trouble.kind) <= RETRIES[trouble.kind]

    def pause(self, trouble: Trouble, jitter: Callable[[float, float], float] = random.uniform) -> float:
        """Seconds until the next attempt: what the server asks for, else full jitter that doubles."""
        if trouble.retry_after is not None:
            return trouble.retry_after
        if trouble.kind is Kind.MALFORMED:
            return 0.0
        return jitter(0.0, min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** len(self.failed)))


def retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """The seconds that a Retry-After header asks for (RFC 9110, 10.2.3: seconds or a date); None if it says nothing."""
    if value is None:
        return None
    if value.strip().isascii() and value.strip().isdigit():
        return float(value.strip()[:12])
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max((moment - (now or datetime.now(UTC))).total_seconds(), 0.0)


def kind_of(status: int) -> Kind | None:
    """What a status means; None for success."""
    if 200 <= status < 300:
        return None
    if status in (429, 503):
        return Kind.BUSY
    return Kind.UNREACHED if status == 408 or status >= 500 else Kind.FINAL
