"""What uploaded files may take."""

from dataclasses import dataclass

from rag_reasoner.candidates import from_one_up


@dataclass(frozen=True, slots=True)
class Room:
    """Limits of uploaded files; how large one may be is the server's `max_body`.

    `pages` are read of a file, for no more than `seconds`. `files_each` and `characters` (of text) are what one browser
    may have; `files` and `bytes` (of files and their text) what all have together: the least recently used leave first.
    At most `readers` files are read or drawn at a time.

    Raises InvalidInput for a value that cannot be used.
    """

    pages: int = 500
    seconds: int = 60
    files_each: int = 40
    characters: int = 10_000_000
    files: int = 400
    bytes: int = 1 << 30
    readers: int = 4

    def __post_init__(self) -> None:
        for name in self.__slots__:
            from_one_up(name, getattr(self, name))
