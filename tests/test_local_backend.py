"""The local backend's own promises: exact numbers, limits of replies, faults, and memory that runs out."""

from concurrent.futures import CancelledError
from dataclasses import replace

import pytest

pytest.importorskip("transformers")

import tiny_models
import torch
from small_tasks import QUESTION, of

from rag_reasoner.backends.local.generate import write
from rag_reasoner.backends.local.head import in_full
from rag_reasoner.backends.local.prompts import side_by_side
from rag_reasoner.backends.local.worker import Stop
from rag_reasoner.tasks import OrderTask, RankTask, RelevanceTask, show
from rag_reasoner.types import Candidate, Document

TEXTS = ("It opened in 1962.", "Plan", "It rained. " * 9, "When?", "x")


def pairs():
    return [RelevanceTask(QUESTION, show(Candidate(Document(str(n), text), n))) for n, text in enumerate(TEXTS)]


@pytest.fixture
def backend():
    made = tiny_models.backend(batch_tokens=10_000)
    yield made
    made.close()


def test_p_yes_is_what_the_two_logits_say(backend):
    """Against the plain way: one prompt, all logits, softmax of two."""
    loaded = backend._loaded
    ids = loaded.encoder.encode(pairs()[0].messages()).ids
    yes, no = (loaded.encoder.reply_ids(word)[0] for word in ("yes", "no"))
    with torch.inference_mode():
        logits = loaded.model(input_ids=torch.tensor([ids])).logits[0, -1]
    assert backend.judge(pairs())[0].probability == pytest.approx(float(logits[[yes, no]].softmax(-1)[0]), abs=1e-5)


def test_on_a_cpu_one_and_many_give_the_same_numbers_to_the_last_bit_in_bf16():
    backend = tiny_models.backend(dtype="bfloat16")
    together = [one.probability for one in backend.judge(pairs())]
    assert [backend.judge([pair])[0].probability for pair in pairs()] == together
    assert [one.probability for one in backend.judge(pairs()[::-1])] == together[::-1]


def test_p_yes_of_a_bf16_model_comes_from_logits_in_fp32():
    """Against the last hidden state and the two rows of the head, in fp32."""
    backend = tiny_models.backend(dtype="bfloat16", batch_tokens=10_000)
    loaded = backend._loaded
    ids = loaded.encoder.encode(pairs()[0].messages()).ids
    rows = [loaded.encoder.reply_ids(word)[0] for word in ("yes", "no")]
    with torch.inference_mode():
        hidden = loaded.model.model(input_ids=torch.tensor([ids])).last_hidden_state[0, -1].float()
        logits = loaded.model.get_output_embeddings().weight[rows].float() @ hidden
    expected = pytest.approx(float(logits.softmax(-1)[0]), abs=1e-5)
    assert backend._scales.weigh([replace(loaded.encoder.encode(pairs()[0].messages()), opening=0)]) == [expected]


def test_another_question_is_not_read_after_the_last_ones_opening():
    backend = tiny_models.backend()
    other = RelevanceTask("Who built it?", pairs()[0].document)
    expected = tiny_models.backend().judge([other])
    backend.judge(pairs())
    assert backend.judge([other]) == expected


def test_positions_do_not_count_the_padding(backend):
    prompts = [backend._loaded.encoder.encode(pair.messages()) for pair in pairs()]
    inputs = side_by_side(prompts, backend._loaded)
    for row, prompt in enumerate(prompts):
        assert inputs["position_ids"][row, -len(prompt.ids) :].tolist() == list(range(len(prompt.ids)))
        assert inputs["attention_mask"][row].sum() == len(prompt.ids)


def test_the_model_is_left_as_it_was(backend):
    head = backend._loaded.model.get_output_embeddings()
    with in_full(backend._loaded.model, [1, 2]):
        assert head._forward_hooks
    assert not head._forward_hooks


def test_the_head_is_given_one_piece_so_that_its_weight_is_not_copied(backend):
    """A state of one token with the strides of all of them makes torch copy the head for a batched product."""
    head, given = backend._loaded.model.get_output_embeddings(), []
    watch = head.register_forward_pre_hook(lambda _, hidden: given.append(hidden[0].stride()))
    try:
        backend.judge(pairs()[:1])
    finally:
        watch.remove()
    width = head.weight.shape[1]
    assert given
    assert set(given) == {(width, width, 1)}


def test_a_batch_that_does_not_fit_in_memory_is_halved_until_it_does(backend, monkeypatch):
    whole, sizes = backend._loaded.model.forward, []
    expected = backend.judge(pairs())

    def tight(*args, **inputs):
        sizes.append(len(inputs["input_ids"]))
        if len(inputs["input_ids"]) > 2:
            raise torch.OutOfMemoryError("no room for 1.00 GiB")
        return whole(*args, **inputs)

    monkeypatch.setattr(backend._loaded.model, "forward", tight)
    assert [one.probability for one in backend.judge(pairs())] == [
        pytest.approx(one.probability, abs=1e-5) for one in expected
    ]
    assert max(sizes) == 5


def test_an_item_that_fails_alone_is_a_fault_that_names_the_error(backend, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("the device went away")

    monkeypatch.setattr(backend._loaded.model, "forward", broken)
    assert {one.fault.detail for one in backend.judge(pairs())} == {"RuntimeError: the device went away"}


def test_a_bug_is_not_taken_for_a_fault(backend, monkeypatch):
    def buggy(*_, **__):
        raise TypeError("a bug")

    monkeypatch.setattr(backend._loaded.model, "forward", buggy)
    with pytest.raises(TypeError, match="a bug"):
        backend.judge(pairs())


def test_numbers_that_overflow_are_a_fault_and_no_probability(backend):
    with torch.no_grad():
        backend._loaded.model.get_output_embeddings().weight.fill_(float("nan"))
    judged = backend.judge(pairs())
    assert {one.probability for one in judged} == {None}
    assert "dtype='float32'" in judged[0].fault.detail


def test_a_prompt_that_leaves_no_room_for_its_reply_is_refused_with_the_numbers(backend):
    long = of(RankTask, 3, text="word " * 600)
    (reply,) = backend.complete([long])
    prompt = backend.count(long.messages())
    assert reply.fault.kind == "backend_error"
    assert reply.fault.detail == (
        f"the prompt takes {prompt} tokens and its reply up to {long.reply_tokens}; the model's context is 2048"
    )


def test_a_reply_is_stopped_by_its_own_limit_and_says_so(backend):
    loaded = backend._loaded
    prompts = [loaded.encoder.encode(of(OrderTask, count).messages()) for count in (2, 3)]
    short, long = write(prompts, [3, 12], loaded, Stop())
    assert (short.tokens, short.truncated) == (3, True)
    assert (long.tokens, long.truncated) == (12, True)
    assert write(prompts[:1], [12], loaded, Stop())[0].text.startswith(short.text)


def test_a_reply_that_the_model_ends_is_whole(backend, monkeypatch):
    """A model that wants nothing but to end its turn."""
    encoder = backend._loaded.encoder
    head = backend._loaded.model.get_output_embeddings()

    def ends(_, __, logits):
        return logits.index_fill(-1, torch.tensor([encoder.end_id]), 1e9)

    with torch.inference_mode():
        handle = head.register_forward_hook(ends)
    replies = backend.complete([of(OrderTask, 2), of(OrderTask, 3)])
    handle.remove()
    assert [(reply.text, reply.truncated, reply.usage.completion_tokens) for reply in replies] == [("", False, 0)] * 2


def test_usage_counts_calls_and_tokens(backend):
    (reply,) = backend.complete([of(OrderTask, 2)])
    assert reply.usage.calls == 1
    assert reply.usage.prompt_tokens == backend.count(of(OrderTask, 2).messages())
    assert 0 < reply.usage.completion_tokens <= of(OrderTask, 2).reply_tokens


def test_work_that_nobody_waits_for_stops_between_tokens(backend, monkeypatch):
    stop, seen = Stop(), []
    prompt = backend._loaded.encoder.encode(of(OrderTask, 2).messages())

    def hear(_, text):
        seen.append(text)
        stop.set()

    with pytest.raises(CancelledError):
        write([prompt], [50], backend._loaded, stop, hear)
    assert len(seen) == 1
