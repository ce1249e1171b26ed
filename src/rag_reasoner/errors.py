"""Every error that the library raises on purpose.

RagReasonerError
├── InvalidInput            a value that cannot be used: an empty query, a missing path, an unknown option
│   └── QueryTooLong        the query alone does not fit the model's context
├── Unreadable              a file, page or image that cannot be read
├── MissingExtra            an optional dependency is not installed (also an ImportError)
├── StoreError              a page store that cannot be written or reached: busy, read-only, a full disk
│   └── StoreRefused        a page store made by another model or with other settings
├── ModelError              a model cannot be found, loaded or used
│   └── AdapterRefused      an adapter made for another base model or format
└── BackendError            a model could not be asked; `retryable` tells whether asking again may help
"""


class RagReasonerError(Exception):
    """The base of all our errors: its message says what was wrong, with the value, and what to do."""


class InvalidInput(RagReasonerError, ValueError):
    """A value that cannot be used."""


class QueryTooLong(InvalidInput):
    """The query and the instructions alone fill the model's context."""


class Unreadable(RagReasonerError):
    """A file, page or image that cannot be read; `source` names it, `reason` says why."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(f"{source}: {reason}")
        self.source, self.reason = source, reason

    def __reduce__(self) -> tuple[type["Unreadable"], tuple[str, str]]:
        return type(self), (self.source, self.reason)


class MissingExtra(RagReasonerError, ImportError):
    """A feature needs an optional dependency that is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs an optional dependency: pip install 'rag-reasoner[{extra}]'")
        self.feature, self.extra = feature, extra

    def __reduce__(self) -> tuple[type["MissingExtra"], tuple[str, str]]:
        return type(self), (self.feature, self.extra)


class StoreError(RagReasonerError):
    """A page store that cannot be written, or reached; what it held before is still there."""


class StoreRefused(StoreError):
    """A page store that was made by another model or with other settings."""


class ModelError(RagReasonerError):
    """A model cannot be found, loaded or used."""


class AdapterRefused(ModelError):
    """An adapter that was made for another base model or another format."""


class BackendError(RagReasonerError):
    """A model could not be asked."""

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable
