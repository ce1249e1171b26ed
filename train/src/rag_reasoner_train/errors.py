"""What the trainer adds to the library's errors."""

from rag_reasoner.errors import InvalidInput, RagReasonerError


class BadRow(InvalidInput):
    """A row that cannot be used: `where` names its file and line, `reason` what is wrong, with the value.

    `row_id` names the row; it is "" where the line does not tell.
    """

    def __init__(self, where: str, row_id: str, reason: str) -> None:
        named = f" (row {row_id!r})" if row_id else ""
        super().__init__(f"{where}{named}: {reason}")
        self.where, self.row_id, self.reason = where, row_id, reason

    def __reduce__(self) -> tuple[type["BadRow"], tuple[str, str, str]]:
        return type(self), (self.where, self.row_id, self.reason)


class NotWritten(RagReasonerError):
    """A file that could not be written; what was there before is untouched."""
