"""A small OpenAI-compatible server over a model of this process: greedy replies, and log-probabilities."""

import atexit
from functools import cache, partial

import tiny_models
from faulty_server import FaultyServer, chat_reply

from rag_reasoner.backends.local.generate import write
from rag_reasoner.backends.openai_compatible import OpenAICompatible
from rag_reasoner.messages import Message, Text


class Served:
    """Answers chat completions with a `TransformersLocal`'s own model and chat template."""

    def __init__(self, local):
        self._loaded = local._loaded

    def __call__(self, body):
        if body is None:
            return {"data": [{"id": "served", "owned_by": "tests"}]}
        messages = tuple(Message(one["role"], (Text(one["content"]),)) for one in body["messages"])
        prompt = self._loaded.encoder.encode(messages)
        if body.get("logprobs"):
            said = chat_reply("?", "length")
            said["choices"][0]["logprobs"] = {"content": [self._likeliest(prompt.ids, body["top_logprobs"])]}
            written = 1
        else:
            (one,) = write([prompt], [body["max_tokens"]], self._loaded, _Never())
            said, written = chat_reply(one.text, "length" if one.truncated else "stop"), one.tokens
        return {**said, "usage": {"prompt_tokens": len(prompt.ids), "completion_tokens": written}}

    def _likeliest(self, ids, number):
        import torch

        with torch.inference_mode():
            logits = self._loaded.model(input_ids=torch.tensor([ids])).logits[0, -1].float()
        found = logits.log_softmax(-1).topk(min(number, len(logits)))
        tokens = self._loaded.encoder.tokenizer
        listed = zip(found.values.tolist(), found.indices.tolist(), strict=True)
        top = [{"token": tokens.decode([id]), "logprob": logprob} for logprob, id in listed]
        return {**top[0], "top_logprobs": top}


class _Never:
    def check(self):
        """Nobody interrupts."""

    def is_set(self):
        return False


@cache
def serving(make=tiny_models.backend):
    """A running server over the model that `make` makes, once a process."""
    local = make()
    server = FaultyServer(Served(local)).__enter__()
    atexit.register(partial(server.__exit__))
    atexit.register(local.close)
    return server


def backend(make=tiny_models.backend, **options):
    """A backend asking that server. All tokens are listed: a random model's yes and no are not its likeliest."""
    options = {"extra_body": {"top_logprobs": 100_000}, "context": 8192, **options}
    return OpenAICompatible(serving(make).url(), "served", **options)
