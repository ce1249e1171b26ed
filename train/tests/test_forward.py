"""What the model says of given tokens is what it says of each sequence alone: packed, side by side, with images."""

from dataclasses import replace

import pytest
import tiny_runs
import torch
from hypothesis import given
from hypothesis import strategies as st
from rag_reasoner_train.forward import Exchange, logprobs
from rag_reasoner_train.forward.attention import attend_by_trees, next_token, over_trees
from rag_reasoner_train.forward.logits import reply_logits
from rag_reasoner_train.forward.sampling import Sampling, sample
from rag_reasoner_train.forward.trees import distinct, grow

from rag_reasoner.backends.local.load import load
from rag_reasoner.encoding import Encoded
from rag_reasoner.pages import load as load_image

IDS = st.lists(st.integers(3, 6), min_size=1, max_size=9).map(tuple)
tiny_models = tiny_runs.tiny_models


@pytest.fixture(scope="module")
def loaded():
    found = load(tiny_models.folder("language"), device="cpu", dtype="float32")
    attend_by_trees(found.model)
    return found


@pytest.fixture(scope="module")
def sees():
    return load(tiny_models.folder("qwen2_5_vl"), device="cpu", dtype="float32")


def exchanges():
    opening, document = tuple(range(5, 25)), tuple(range(60, 80))
    asked = [*(tuple(range(20, 20 + n)) for n in (4, 9, 6)), (*document, 31, 32), (*document, 33)]
    prompts = [Encoded(opening + one, len(opening + one), len(opening)) for one in asked]
    replies = ((40, 41, 42), (50,), (60, 61, 62, 63, 64), (40, 41), (42, 40))
    told = [Exchange(prompt, reply) for prompt, reply in zip(prompts, replies, strict=True)]
    return [*told, Exchange(prompts[0], (40, 41, 99)), Exchange(prompts[0], (40, 41, 42)), Exchange(prompts[0], (9,))]


def alone(model, one, **inputs):
    """The log-probabilities of one reply by a plain forward pass over it alone."""
    ids = torch.tensor([one.prompt.ids + one.reply])
    found = model(input_ids=ids, **inputs).logits[0].log_softmax(-1)
    return torch.stack([found[one.first + place, token] for place, token in enumerate(one.reply)])


@given(st.lists(IDS, min_size=1, max_size=6), st.data())
def test_a_grove_holds_every_sequence_at_its_own_positions(sequences, data):
    grove = grow(sequences, data.draw(st.integers(1, 4)))
    for sequence, places in zip(sequences, grove.places, strict=True):
        assert tuple(grove.ids[place] for place in places) == sequence
        assert tuple(grove.positions[place] for place in places) == tuple(range(len(sequence)))
    assert len(grove.ids) <= sum(map(len, sequences))
    covered = [place for span in grove.spans for place in range(span.start, span.stop)]
    assert covered == list(range(len(grove.ids)))


def test_what_sequences_share_is_computed_once():
    grove = grow([(1, 2, 3, 4), (1, 2, 3, 5), (1, 2, 3, 4)], worth=2)
    assert grove.ids == (1, 2, 3, 4, 5)


def test_a_document_within_common_instructions_is_computed_once_for_its_questions():
    asked = [(1, 2, 3, 8, 9, 4), (1, 2, 3, 8, 9, 5), (1, 2, 3, 7, 6, 4)]
    grove = grow(asked, worth=2)
    assert grove.ids == (1, 2, 3, 8, 9, 4, 5, 7, 6, 4)
    assert distinct(asked) == sum(map(len, asked)), "so few tokens in common are not worth a branch"


@given(st.lists(st.lists(st.integers(0, 1), max_size=6).map(tuple), min_size=1, max_size=6))
def test_a_token_attends_to_its_own_sequence_alone(sequences):
    """Of each span, what it attends to is what stands before it in every sequence that goes through it."""
    grove = grow(sequences, worth=1)
    for places in grove.places:
        for span in (one for one in grove.spans if one.start in places):
            trunks = [grove.spans[trunk] for trunk in span.trunks]
            seen = [place for trunk in trunks for place in range(trunk.start, trunk.stop)]
            assert seen == list(places[: places.index(span.start)])


def test_packed_log_probabilities_and_gradients_equal_those_of_each_sequence_alone(loaded):
    told = exchanges()
    loaded.model.zero_grad()
    separate = torch.cat([alone(loaded.model, one) for one in told])
    separate.sum().backward()
    expected = [parameter.grad.clone() for parameter in loaded.model.parameters()]
    loaded.model.zero_grad()
    packed = logprobs(loaded.model, loaded, told)
    packed.logprobs.sum().backward()
    torch.testing.assert_close(packed.logprobs, separate, atol=1e-5, rtol=1e-5)
    for parameter, grad in zip(loaded.model.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, grad, atol=1e-3, rtol=1e-4)
    loaded.model.zero_grad()


def test_entropies_are_those_of_the_whole_distribution(loaded):
    told = exchanges()[:2]
    found = logprobs(loaded.model, loaded, told, entropies=True, temperature=0.7)
    logits = reply_logits(loaded.model, loaded, told) / 0.7
    expected = torch.distributions.Categorical(logits=logits)
    torch.testing.assert_close(found.entropies, expected.entropy().detach(), atol=1e-4, rtol=1e-4)
    targets = torch.tensor([token for one in told for token in one.reply])
    torch.testing.assert_close(found.logprobs, expected.log_prob(targets), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("heads", [2, 6])
def test_short_and_long_spans_are_attended_alike(heads, monkeypatch):
    from rag_reasoner_train.forward import attention

    torch.manual_seed(0)
    grove = grow([(1, 2, 3, 4), (1, 2, 5, 6, 7), (1, 2, 3, 5), (8, 9)], worth=1)
    query = torch.randn(heads, len(grove.ids), 8)
    key, value = torch.randn(2, len(grove.ids), 8), torch.randn(2, len(grove.ids), 8)
    products = over_trees(query, key, value, grove.spans, 0.3)
    monkeypatch.setattr(attention, "SHORT", 0)
    torch.testing.assert_close(over_trees(query, key, value, grove.spans, 0.3), products)


@pytest.mark.parametrize("heads", [2, 6])
@pytest.mark.parametrize("masked", ["nothing", "allowed", "added"])
def test_a_sampled_token_is_attended_as_by_the_fused_kernel(heads, masked):
    torch.manual_seed(0)
    query, key, value = torch.randn(3, heads, 1, 8), torch.randn(3, 2, 5, 8), torch.randn(3, 2, 5, 8)
    allowed = torch.ones(3, 1, 1, 5, dtype=torch.bool)
    allowed[1, ..., :2] = False
    added = torch.zeros(allowed.shape).masked_fill(~allowed, float("-inf"))
    mask = {"nothing": None, "allowed": allowed, "added": added}[masked]
    fused = torch.nn.functional.scaled_dot_product_attention(
        query, key, value, attn_mask=mask, scale=0.3, enable_gqa=True
    )
    torch.testing.assert_close(next_token(query, key, value, mask, 0.3), fused)


def pictured(sees):
    """Prompts of one, two and three images, of different sizes, with replies."""
    from rag_reasoner_train.examples import listwise_examples
    from rag_reasoner_train.rows.view import View

    rows = [tiny_runs.toy_row(number, images=True) for number in range(3)]
    rows = [replace(row, candidates=row.candidates[: number + 1]) for number, row in enumerate(rows)]
    rows = [replace(row, relevant={row.candidates[0].id: 1.0}) for row in rows]
    tasks = [one.task for one in listwise_examples(rows, tasks=["rank"], view=View(None, images=True))]
    prompts = [sees.encoder.encode(task.messages(), load_image) for task in tasks]
    return [Exchange(prompt, (20 + number, 30, 40)[: number + 1]) for number, prompt in enumerate(prompts)]


def test_with_several_images_batched_log_probabilities_equal_single_ones(sees):
    told = pictured(sees)
    assert [one.prompt.images for one in told] == [1, 2, 3]
    together = logprobs(sees.model, sees, told).logprobs
    single = torch.cat([logprobs(sees.model, sees, [one]).logprobs for one in told])
    torch.testing.assert_close(together, single, atol=1e-4, rtol=1e-4)
    plain = torch.cat([alone(sees.model, one, **_vision(sees, one)) for one in told])
    torch.testing.assert_close(together, plain, atol=1e-4, rtol=1e-4)


def test_the_number_of_image_tokens_equals_the_images(sees):
    for one in pictured(sees):
        grids = one.prompt.pixels["image_grid_thw"]
        merged = sees.encoder.processor.image_processor.merge_size**2
        assert len(grids) == one.prompt.images
        assert one.prompt.ids.count(sees.encoder.image_id) == int(grids.prod(-1).sum()) // merged


def _vision(sees, one):
    ids = torch.tensor([one.prompt.ids + one.reply])
    return {**one.prompt.pixels, "mm_token_type_ids": (ids == sees.encoder.image_id).long()}


def test_replies_from_a_shared_memory_are_those_that_each_prompt_has_alone(loaded):
    prompts = [one.prompt for one in exchanges()[:3] for _ in range(2)]
    drawn = sample(loaded.model, loaded, prompts, Sampling(5, temperature=1e-4))
    for prompt, reply in zip(prompts, drawn, strict=True):
        ids = list(prompt.ids)
        for token in reply:
            with torch.no_grad():
                assert int(loaded.model(torch.tensor([ids])).logits[0, -1].argmax()) == token
            ids.append(token)


def test_a_vision_model_never_draws_an_image_token(sees):
    prompts = [one.prompt for one in pictured(sees)]
    torch.manual_seed(0)
    drawn = sample(sees.model, sees, prompts * 4, Sampling(6, temperature=5.0))
    assert len(drawn) == 12
    assert all(sees.encoder.image_id not in reply for reply in drawn)
