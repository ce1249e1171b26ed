"""Held decoding: whatever a model would rather say, the reply keeps the format."""

import pytest

pytest.importorskip("transformers")

import tiny_models
from hypothesis import given, settings
from hypothesis import strategies as st
from small_tasks import LISTWISE, of

from rag_reasoner.backends.local.held import write_held
from rag_reasoner.backends.local.worker import Stop
from rag_reasoner.tasks import MMR5Task, OrderTask, RelevanceTask
from rag_reasoner.tasks.scaffold import Choice, Free, Literal, Permutation

OF_FORM = {"no_answer", "unreadable", "misformatted", "duplicate", "out_of_range", "missing", "truncated"}
"""Faults of a reply that did not keep the format. What it says may still be wrong."""


def held(task, seed=0):
    (reply,) = tiny_models.backend(seed=seed, held=True).complete([task])
    return reply.text


def written(scaffold, seed=0):
    loaded = tiny_models.backend(seed=seed)._loaded
    prompt = loaded.encoder.encode(of(OrderTask, 1).messages())
    return write_held(prompt, scaffold, loaded, Stop()).text


@pytest.mark.parametrize("kind", LISTWISE)
@pytest.mark.parametrize("seed", range(3))
def test_a_held_reply_has_no_fault_of_form(kind, seed):
    task = of(kind, 3)
    faults = task.parse(held(task, seed)).faults
    assert not {fault.kind for fault in faults} & OF_FORM


@settings(max_examples=12)
@given(count=st.integers(1, 23), seed=st.integers(0, 2))
def test_a_ranking_of_any_length_is_a_permutation_that_the_model_stated(count, seed):
    task = of(OrderTask, count, text="x")
    ranking = task.parse(held(task, seed))
    assert sorted(ranking.order) == list(range(count))
    assert ranking.stated == count
    assert ranking.faults == ()


def test_models_that_differ_state_different_orders():
    assert len({held(of(OrderTask, 12, text="x"), seed) for seed in range(3)}) > 1


def test_a_judgement_is_one_of_its_words():
    assert held(RelevanceTask("when?", of(OrderTask, 1).documents[0])) in ("yes", "no")


def test_mm_r5s_format_is_held_too():
    text = written(
        (
            Literal("<think>"),
            Free(("</think>",), 20),
            Literal("</think>\n<answer>["),
            Permutation(3, ", "),
            Literal("]</answer>"),
        )
    )
    assert not {fault.kind for fault in of(MMR5Task, 3).parse(text).faults} & OF_FORM


def test_free_text_ends_at_the_first_stop_and_without_it():
    text = written((Free(("e", "a", "o", "i"), 60), Literal("|")))
    assert not set("eaoi") & set(text)


def test_free_text_keeps_to_its_tokens_and_never_holds_a_special_one():
    loaded = tiny_models.backend()._loaded
    text = written((Free((), 9), Literal("")))
    assert len(loaded.encoder.text_ids(text)) <= 9 + 2
    assert "<|" not in text


def test_a_choice_is_the_option_that_the_model_finds_most_probable():
    """Against the plain way: the whole reply read at once, for each option."""
    import torch

    loaded = tiny_models.backend()._loaded
    prompt = loaded.encoder.encode(of(OrderTask, 1).messages())
    options = ("relevant", "museum", "yes", "12", "1")

    def score(option):
        reply = loaded.encoder.reply_ids(f"so {option};")
        with torch.inference_mode():
            logits = loaded.model(input_ids=torch.tensor([prompt.ids + reply])).logits[0].float().log_softmax(-1)
        rest = [loaded.encoder.reply_ids(f"so {other};") for other in options if other != option]
        length = next(n for n in range(len(reply) + 1) if all(other[:n] != reply[:n] for other in rest))
        return sum(float(logits[len(prompt.ids) + place - 1, reply[place]]) for place in range(length))

    chosen = written((Literal("so "), Choice(options), Literal(";")))
    assert chosen == f"so {max(options, key=score)};"
