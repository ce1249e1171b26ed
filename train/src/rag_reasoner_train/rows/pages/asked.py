"""A question about a page."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that a page answers. `about` are the words that another page must have too, to answer it as well."""

    question: str
    answer: str
    about: str
