"""What a run gives back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from rag_reasoner.types import Answer, Dropped, Fault, Judgement, Usage


@dataclass(frozen=True, slots=True)
class Result:
    """Ranked candidates with reasons, those dropped and why, the answer, and an honest account of the run.

    Every candidate that went in is in `ranked` or in `dropped`, once. `degraded`: the order is not wholly a trained
    model's own; `faults` say why. `agreement` is the mean Kendall tau, -1..1, between the orders of several shuffles.
    `timings` are seconds of wall clock by stage.
    """

    query: str
    ranked: tuple[Judgement, ...]
    dropped: tuple[Dropped, ...] = ()
    answer: Answer | None = None
    faults: tuple[Fault, ...] = ()
    degraded: bool = False
    usage: Usage = Usage()
    timings: Mapping[str, float] = field(default_factory=dict, hash=False)
    agreement: float | None = None
    model: str = ""

    def to_json(self, *, indent: int | None = None) -> str:
        """JSON with text, image references with their sha256, and the boxes of cited spans; never bytes of images."""
        from rag_reasoner.results.json import dump

        return dump(self, indent)

    @classmethod
    def from_json(cls, text: str | bytes) -> "Result":
        """The result that `to_json` wrote, without what JSON leaves out. Raises InvalidInput for any other text."""
        from rag_reasoner.results.json import load

        return load(text)

    def with_faults(self, faults: Iterable[Fault]) -> "Result":
        """The same result that also tells of what went wrong before the ranking."""
        return replace(self, faults=(*faults, *self.faults))

    def __str__(self) -> str:
        from rag_reasoner.results.text import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        from rag_reasoner.results.html import as_html

        return as_html(self)
