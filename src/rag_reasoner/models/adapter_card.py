"""What a LoRA adapter says of itself: which base and format it was trained for. Pure.

`card.json` stands beside the adapter's weights. An adapter on another base, or with prompts of another version, would
run without complaint and rank badly; so it is refused.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag_reasoner.errors import AdapterRefused, InvalidInput, ModelError
from rag_reasoner.models.answerable import Answerable, read_answerable
from rag_reasoner.models.calibration import Calibration, read_calibration
from rag_reasoner.models.lists import Lists
from rag_reasoner.tasks import FORMAT, Format

CARD = "card.json"
DEFAULT_BASE = "default"
"""How a card names the default model's base weights."""


@dataclass(frozen=True, slots=True)
class AdapterCard:
    """`format_version` is `rag_reasoner.tasks.FORMAT` as it was in training; `base_hash` that of the base weights.

    `judges_only`: it learned to judge documents one by one, and nothing about lists, quotes or answers. `drop_below`:
    the P(relevant) below which a document is clearly irrelevant, as was found when it was calibrated. `answerable`:
    how likely it is that any document says what is asked, fitted likewise; without it, as likely as the best document
    is relevant. `abstain_below`: how likely that must be for a question to be answered. `lists`: how it learned to be
    shown lists.
    """

    format_version: int
    base_hash: str
    base: str = DEFAULT_BASE
    format: Format = "rag_reasoner"
    trained: bool = True
    judges_only: bool = False
    calibration: Calibration | None = None
    drop_below: float | None = None
    answerable: Answerable | None = None
    abstain_below: float | None = None
    lists: Lists | None = None


def read_card(folder: Path) -> AdapterCard:
    """The card of the adapter in `folder`."""
    try:
        stored = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(
            f"the adapter {str(folder)!r} has no {CARD}: adapters are made by rag-reasoner-train, which writes one"
        ) from None
    except ValueError as error:
        raise ModelError(f"{str(folder / CARD)!r} is not JSON: {error}") from error
    return _card(stored, folder)


def check(card: AdapterCard, *, base_hash: str) -> None:
    """Refuses an adapter that was made for other prompts or another base."""
    if card.format_version != FORMAT:
        raise AdapterRefused(
            f"the adapter was trained for format {card.format_version}, and this release speaks format {FORMAT}: "
            "train it again, or install the release that it was made with"
        )
    if card.base_hash != base_hash:
        raise AdapterRefused(
            f"the adapter was trained on base weights {card.base_hash}, and these are {base_hash}: "
            "load it on the base that it was trained on, or train it again"
        )


def _card(stored: Any, folder: Path) -> AdapterCard:
    match stored:
        case {"format_version": int() as version, "base_hash": str() as base_hash}:
            format = stored.get("format", "rag_reasoner")
        case _:
            raise ModelError(f"{str(folder / CARD)!r} lacks format_version (a number) or base_hash (a text)")
    if format not in ("rag_reasoner", "mm_r5"):
        raise ModelError(f"{str(folder / CARD)!r} names the format {format!r}; we know rag_reasoner and mm_r5")
    try:
        calibration, answerable = read_calibration(stored.get("calibration")), read_answerable(stored.get("answerable"))
    except InvalidInput as error:
        raise ModelError(f"{str(folder / CARD)!r}: {error}") from error
    base, trained = str(stored.get("base", DEFAULT_BASE)), bool(stored.get("trained", True))
    only, lists = bool(stored.get("judges_only")), _lists(stored.get("lists"), folder)
    drop, abstain = _line(stored, "drop_below", folder), _line(stored, "abstain_below", folder)
    fitted = (calibration, drop, answerable, abstain)
    return AdapterCard(version, base_hash, base, format, trained, only, *fitted, lists)


def _line(stored: Any, name: str, folder: Path) -> float | None:
    """A probability below which something is done, where the card has one."""
    value: float | None = stored.get(name)
    if value is None or (isinstance(value, float) and 0 < value < 1):
        return value
    raise ModelError(f"{str(folder / CARD)!r} has {name}={value!r}: a probability between 0 and 1 is needed")


def _lists(stored: Any, folder: Path) -> Lists | None:
    match stored:
        case None:
            return None
        case {"size": int() as size, "tokens": int() as tokens} if size > 1 and tokens > 0:
            held, passages = bool(stored.get("held")), stored.get("passages")
            if passages is None or (type(passages) is int and passages > 0):
                return Lists(size, tokens, held, passages)
            raise ModelError(f"{str(folder / CARD)!r} has passages={passages!r} in its lists: 1 or more are needed")
    raise ModelError(f"{str(folder / CARD)!r} has lists={stored!r}: size (2 or more) and tokens (1 or more) are needed")
