"""What servers understand beyond the common core: a closed table. What a server is, it says, or the user does."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

CONTEXT = 8192
"""What a model's context is taken to be where nobody says, in tokens."""

Name = Literal["vllm", "sglang", "llamacpp", "openai"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """`held_by` is how a reply is held to a form; `thinks` whether the chat template's thinking can be turned off.

    `think_budget` names the field that limits thinking, `held_thinking` tells that a form leaves thinking alone.
    `always` goes into every request.
    """

    name: Name
    held_by: Literal["structured_outputs", "regex", "grammar"] | None = None
    thinks: bool = False
    think_budget: str | None = None
    held_thinking: bool = False
    always: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def thinking(self, tokens: int) -> dict[str, Any]:
        """The fields that allow `tokens` tokens of thinking; 0 turns it off."""
        if not self.thinks:
            return {}
        budget = {self.think_budget: tokens} if self.think_budget and tokens else {}
        return {"chat_template_kwargs": {"enable_thinking": tokens > 0}, **budget}


DIALECTS: Mapping[Name, Dialect] = {
    "vllm": Dialect("vllm", "structured_outputs", True, "thinking_token_budget", True),
    "sglang": Dialect("sglang", "regex", True, None, True),
    "llamacpp": Dialect("llamacpp", "grammar", True, always={"repeat_penalty": 1.0}),  # replies repeat their tags
    "openai": Dialect("openai"),
}

_OWNERS: Mapping[str, Name] = {"vllm": "vllm", "sglang": "sglang", "llamacpp": "llamacpp"}


@dataclass(frozen=True, slots=True)
class Served:
    """What a server says of itself: its models, and the dialect that goes with their owner."""

    models: tuple[str, ...]
    dialect: Dialect


def served(said: Any) -> Served:
    """Reads `GET /models`. A server that says nothing of use speaks plain OpenAI."""
    listed = said.get("data") if isinstance(said, dict) else None
    models = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    names = tuple(one["id"] for one in models if isinstance(one.get("id"), str))
    owners = {_OWNERS[owner] for one in models if isinstance(owner := one.get("owned_by"), str) and owner in _OWNERS}
    return Served(names, DIALECTS[owners.pop() if len(owners) == 1 else "openai"])
