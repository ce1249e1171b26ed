"""Held decoding: whatever a model would rather say, the reply keeps the format."""

import re

import pytest

pytest.importorskip("transformers")

import tiny_models
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_tasks import LISTWISE, of

from rag_reasoner.backends.local.generate import ends_of
from rag_reasoner.backends.local.held import write_held
from rag_reasoner.backends.local.walker import Walker
from rag_reasoner.backends.local.worker import Stop
from rag_reasoner.tasks import MMR5Task, OrderTask, RankAndAnswerTask, RankTask, RelevanceTask
from rag_reasoner.tasks.scaffold import Choice, Evidenced, Free, Literal, Marked, Permutation

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


def longing_for(backend, *texts):
    """Makes the model want the tokens of `texts` more than anything else, the first most."""
    tokens = [backend._loaded.encoder.reply_ids(text)[-1] for text in texts]
    want = torch.tensor([1000.0 / (place + 1) for place in range(len(tokens))])

    def longs(_, __, logits):
        return logits.index_add(-1, torch.tensor(tokens), want.expand(*logits.shape[:-1], -1))

    backend._loaded.model.get_output_embeddings().register_forward_hook(longs)
    return backend


def read_of_one_that_quotes(kind, seed):
    """The task, and what is read of the held reply of a model that wants nothing but to quote."""
    backend = longing_for(tiny_models.backend(seed=seed, held=True), '"', " ")
    task = of(kind, 3, text="The museum opened in 1962, with 40 rooms.\nIt burned in 1971.")
    (reply,) = backend.complete([task])
    read = task.parse(reply.text)
    assert any(line.quote for line in read.evidence), reply.text
    assert read.faults == ()
    return task, read


@pytest.mark.parametrize("seed", range(4))
def test_a_held_quote_stands_in_its_document(seed):
    task, read = read_of_one_that_quotes(RankTask, seed)
    assert all(task.documents[line.number - 1].locate(line.quote) for line in read.evidence if line.quote)


@pytest.mark.parametrize("seed", range(6))
def test_a_held_answer_cites_documents_that_its_reply_has_quoted_and_no_others(seed):
    _, read = read_of_one_that_quotes(RankAndAnswerTask, seed)
    assert read.answer.cited
    assert set(read.answer.cited) <= {line.number - 1 for line in read.evidence if line.quote}


@pytest.mark.parametrize("seed", range(6))
def test_a_held_line_that_says_yes_quotes_and_one_that_says_no_need_not(seed):
    """A model that wants nothing but to say `x`, and a blank before it."""
    backend = longing_for(tiny_models.backend(seed=seed, held=True), "x", " ")
    texts = ("The museum opened in 1962.",)
    prompt = backend._loaded.encoder.encode(of(OrderTask, 1).messages())

    def line(verdict, *of):
        scaffold = (Literal(f"[1] {verdict}:"), Evidenced(of, 9, quoted_after="yes:"), Literal("\n"))
        return write_held(prompt, scaffold, backend._loaded, Stop()).text

    assert re.fullmatch(r'\[1\] yes: ".+"\n', line("yes", *texts))
    assert "x" in line("no", *texts)
    assert "x" in line("yes")


class Saying:
    """Stands in for what a model expects: the tokens of `text` one after another, whatever was written."""

    def __init__(self, text):
        self._text = text

    def __call__(self, _, loaded):
        tokens = loaded.encoder.reply_ids(self._text)
        self._wanted = iter([*tokens, *[min(ends_of(loaded))] * 9])
        self._size = len(loaded.encoder.tokenizer)
        return self

    def expects(self, _, tokens=()):
        return torch.zeros(self._size).index_fill(0, torch.tensor([] if tokens else [next(self._wanted)]).long(), 1.0)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("in 1962", "in 1962 [2]"),
        ("in 1962 [1][2]", "in 1962 [2]"),
        ("in 1962 [doc 1].", "in 1962. [2]"),
        ("[a] museum", "[a] museum [2]"),
        ("The document does not say [2]", "The documents do not say."),
        ("the documents do not say", "The documents do not say."),
        ("[1]", "The documents do not say."),
        ("", "The documents do not say."),
    ],
)
def test_a_held_answer_keeps_its_words_and_has_the_marks_of_what_was_quoted(monkeypatch, said, kept):
    monkeypatch.setattr("rag_reasoner.backends.local.held.Walker", Saying(said))
    line = Literal('[2] yes: "it is"\n')
    assert written((line, Marked((), 60), Literal("<"))) == f"{line.text}{kept}<"


def test_an_answer_after_no_quote_has_no_mark(monkeypatch):
    monkeypatch.setattr("rag_reasoner.backends.local.held.Walker", Saying("in 1962"))
    line = Literal("[2] yes: it is\n")
    assert written((line, Marked((), 60), Literal("<"))) == f"{line.text}in 1962<"


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


def test_free_text_never_holds_a_special_token_and_keeps_to_its_length():
    """A model that wants nothing but to open another turn."""
    backend = tiny_models.backend(held=True)
    wanted = backend._loaded.encoder.tokenizer.convert_tokens_to_ids("<|im_start|>")

    def longs(_, __, logits):
        return logits.index_fill(-1, torch.tensor([wanted]), 1e3)

    backend._loaded.model.get_output_embeddings().register_forward_hook(longs)
    prompt = backend._loaded.encoder.encode(of(OrderTask, 1).messages())
    text = write_held(prompt, (Free((), 9),), backend._loaded, Stop()).text
    assert text
    assert "<|im_start|>" not in text
    assert len(text) <= 9 * 12  # no token of the tiny tokenizer is longer


@pytest.mark.parametrize("options", [("relevant", "museum", "yes"), ("1", "12", "13", "2", "123"), ("12", "1")])
@pytest.mark.parametrize("seed", range(3))
def test_a_choice_is_the_option_that_the_model_finds_most_probable(options, seed):
    """Against the plain way: each whole reply read at once, scored up to where it differs from all others."""
    loaded = tiny_models.backend(seed=seed)._loaded
    replies = {option: loaded.encoder.reply_ids(f"so {option};") for option in options}

    def score(option):
        reply, others = replies[option], [ids for name, ids in replies.items() if name != option]
        length = next(n for n in range(len(reply) + 1) if all(other[:n] != reply[:n] for other in others))
        expected = after(loaded, reply)
        return sum(float(expected[place][reply[place]]) for place in range(length))

    chosen = written((Literal("so "), Choice(options), Literal(";")), seed)
    assert chosen == f"so {max(options, key=score)};"


def test_what_is_read_on_after_a_change_of_mind_is_as_if_read_at_once():
    loaded = tiny_models.backend()._loaded
    reply = loaded.encoder.reply_ids("The museum opened")
    walker = Walker(loaded.encoder.encode(of(OrderTask, 1).messages()), loaded)
    walker.expects(reply[:2])
    walker.expects((*reply[:1], 5, 6, 7))
    assert torch.allclose(walker.expects(reply), after(loaded, reply)[-1], atol=1e-4)
    assert torch.allclose(walker.expects(()), after(loaded, reply)[0], atol=1e-4)
    assert torch.allclose(walker.expects(reply), after(loaded, reply)[-1], atol=1e-4)


def after(loaded, reply):
    """Log-probabilities of the next token after the prompt and each beginning of `reply`, read at once."""
    prompt = loaded.encoder.encode(of(OrderTask, 1).messages())
    with torch.inference_mode():
        logits = loaded.model(input_ids=torch.tensor([prompt.ids + reply])).logits[0]
    return logits[len(prompt.ids) - 1 :].float().log_softmax(-1)
