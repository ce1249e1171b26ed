"""Vision models of each class, tiny and random, end to end on a CPU: torchvision as a plain `pip install` gives it."""

import importlib.util
import random

import pytest

pytest.importorskip("transformers")

import tiny_models
import tiny_tokenizers
import torch
from PIL import Image as pillow
from small_tasks import QUESTION

from rag_reasoner.backends.local.prompts import side_by_side
from rag_reasoner.backends.local.walker import Walker
from rag_reasoner.encoding import encode
from rag_reasoner.errors import Unreadable
from rag_reasoner.messages import DocumentText, ImagePart, Message, Text, images
from rag_reasoner.tasks import MMR5Task, OrderTask, RelevanceTask, show
from rag_reasoner.types import Candidate, Document, Image

pytestmark = [
    pytest.mark.vision,
    pytest.mark.skipif(importlib.util.find_spec("torchvision") is None, reason="needs torchvision: [vision]"),
]
FUZZED = 500


def picture(seed, size):
    rng = random.Random(seed)
    return pillow.frombytes("RGB", size, rng.randbytes(size[0] * size[1] * 3))


PICTURES = {"wide": picture(1, (300, 200)), "tall": picture(2, (90, 140)), "small": picture(3, (40, 40))}


def load_image(image):
    if image.path not in PICTURES:
        raise Unreadable(str(image.path), "there is no such picture")
    return PICTURES[image.path]


def shown(text, path=None):
    document = Document(text, text, image=Image(path=path) if path else None)
    return show(Candidate(document), with_image=True)


PAGES = (shown("It opened in 1962.", "wide"), shown("Plan", "tall"), shown("no picture"))
ASKED = (
    Message("system", (Text("You judge."),)),
    Message(
        "user",
        (
            Text("Look: "),
            ImagePart(Image(path="wide")),
            DocumentText("\n\na page. "),
            ImagePart(Image(path="tall")),
            Text("\nWhich?"),
        ),
    ),
)


@pytest.fixture(params=tiny_models.VISION)
def backend(request):
    made = tiny_models.backend(request.param, load_image=load_image, batch_tokens=10_000)
    yield made
    made.close()


def reader(backend):
    return backend._loaded.encoder.processor


def theirs(processor, *conversations):
    """What the processor itself makes of the same conversations, side by side."""
    texts = [
        processor.apply_chat_template(_as_template_takes(messages), add_generation_prompt=True, tokenize=False)
        for messages in conversations
    ]
    pictures = [[PICTURES[image.path] for image in images(messages)] for messages in conversations]
    options = {"add_special_tokens": False, "return_tensors": "pt", "padding": True, "padding_side": "left"}
    return processor(text=texts, images=pictures, **options)


def _as_template_takes(messages):
    return [{"role": m.role, "content": [_part(part) for part in m.parts]} for m in messages]


def _part(part):
    return {"type": "image"} if isinstance(part, ImagePart) else {"type": "text", "text": part.text}


def test_ids_and_pixels_are_those_of_the_processor_itself(backend):
    encoded, expected = encode(ASKED, reader(backend), load_image=load_image), theirs(reader(backend), ASKED)
    assert list(encoded.ids) == expected["input_ids"][0].tolist()
    assert encoded.images == 2
    for name, tensor in encoded.pixels.items():
        assert tensor.equal(expected[name]), name


def test_the_inputs_of_a_batch_are_those_of_the_processor_itself(backend):
    loaded = backend._loaded
    fewer = OrderTask(QUESTION, PAGES[:1]).messages()
    batch = side_by_side([loaded.encoder.encode(m, load_image) for m in (ASKED, fewer)], loaded)
    expected = theirs(reader(backend), ASKED, fewer)
    for name in {*batch, *expected} - {"position_ids", "input_ids"}:
        assert batch[name].equal(expected[name]), name
    assert (batch["input_ids"] * batch["attention_mask"]).equal(expected["input_ids"] * expected["attention_mask"])


def test_p_yes_is_what_the_model_says_to_the_processors_own_inputs(backend):
    task = RelevanceTask(QUESTION, PAGES[0])
    inputs = theirs(reader(backend), task.messages())
    yes, no = (backend._loaded.encoder.reply_ids(word)[0] for word in ("yes", "no"))
    with torch.inference_mode():
        logits = backend._loaded.model(**inputs).logits[0, -1]
    expected = float(logits[[yes, no]].softmax(-1)[0])
    assert backend.judge([task])[0].probability == pytest.approx(expected, abs=1e-5)


def test_counting_asks_for_sizes_only_and_agrees_with_encoding(backend):
    assert backend.count(ASKED) == len(encode(ASKED, reader(backend), load_image=load_image).ids)


def test_a_document_cannot_write_an_image_token(backend):
    encoder, rng = backend._loaded.encoder, random.Random(7)
    marks = tiny_tokenizers.marks(encoder.tokenizer)
    for _ in range(FUZZED):
        text = tiny_tokenizers.hostile(rng, marks)
        ids = encoder.encode((Message("user", (DocumentText(text),)),)).ids
        empty = encoder.encode((Message("user", (DocumentText(""),)),)).ids
        assert [id for id in ids if id in encoder.special_ids] == [id for id in empty if id in encoder.special_ids]


def test_judging_with_and_without_pictures_in_one_batch_equals_one_by_one(backend):
    tasks = [RelevanceTask(QUESTION, page) for page in PAGES]
    alone = [backend.judge([task])[0].probability for task in tasks]
    assert [one.probability for one in backend.judge(tasks)] == [pytest.approx(p, abs=1e-5) for p in alone]
    assert backend.judge(tasks)[0].usage.images == 1


def test_the_picture_matters(backend):
    one, other = (RelevanceTask(QUESTION, shown("page", path)) for path in ("wide", "tall"))
    assert backend.judge([one])[0].probability != pytest.approx(backend.judge([other])[0].probability, abs=1e-6)


def test_completing_with_two_pictures_in_a_batch_equals_one_by_one(backend):
    tasks = [OrderTask(QUESTION, PAGES), OrderTask(QUESTION, PAGES[2:]), OrderTask(QUESTION, PAGES[:2])]
    alone = [backend.complete([task])[0].text for task in tasks]
    assert [reply.text for reply in backend.complete(tasks)] == alone


def test_mm_r5_is_asked_held_and_read_with_pictures(monkeypatch):
    monkeypatch.setattr("rag_reasoner.tasks.mm_r5.THINK_TOKENS", 24)  # of a random model's thoughts a few will do
    held = tiny_models.backend("qwen2_5_vl", load_image=load_image, held=True, format="mm_r5")
    task = MMR5Task(QUESTION, PAGES[:2])
    (reply,) = held.complete([task])
    ranking = task.parse(reply.text)
    assert held.card.format == "mm_r5"
    assert reply.usage.images == 2
    assert (sorted(ranking.order), ranking.stated, ranking.faults) == ([0, 1], 2, ())


def test_a_held_choice_is_the_same_read_on_as_read_at_once(backend):
    """Positions after pictures are not in a line in Qwen-VL: reading on must shift them as reading at once does."""
    loaded = backend._loaded
    prompt = loaded.encoder.encode(ASKED, load_image)
    reply = loaded.encoder.reply_ids("The museum opened")
    walker = Walker(prompt, loaded)
    walker.expects(reply[:2])
    walker.expects((*reply[:2], 5, 6))
    read_on = walker.expects(reply)
    at_once = loaded.encoder.encode((*ASKED, Message("assistant", (Text("The museum opened"),))), load_image)
    whole = type(at_once)(prompt.ids + reply, 0, 0, at_once.pixels, 2)
    with torch.inference_mode():
        logits = loaded.model(**side_by_side([whole], loaded)).logits[0, -1].float().log_softmax(-1)
    assert torch.allclose(read_on, logits, atol=1e-4)


def test_a_prompt_without_pictures_after_one_with_is_read_as_if_it_came_first(backend):
    plain, seeing = OrderTask(QUESTION, PAGES[2:]), OrderTask(QUESTION, PAGES)
    first, expected = backend.complete([plain]), _read_on(backend, plain)
    backend.complete([seeing])
    assert _read_on(backend, plain).equal(expected)
    backend.complete([seeing])
    assert backend.complete([plain]) == first


def _read_on(backend, task):
    """What the model expects some tokens after the prompt."""
    encoder = backend._loaded.encoder
    walker = Walker(encoder.encode(task.messages(), load_image), backend._loaded)
    walker.expects(())
    return walker.expects(encoder.reply_ids("The museum"))


def test_an_image_that_cannot_be_read_costs_its_own_candidate_only(backend):
    tasks = [RelevanceTask(QUESTION, page) for page in (PAGES[0], shown("page", "gone"), PAGES[1])]
    first, failed, last = backend.judge(tasks)
    assert (failed.probability, failed.fault.kind) == (None, "image_unread")
    assert "gone: there is no such picture" in failed.fault.detail
    assert None not in (first.probability, last.probability)


def test_no_reply_holds_an_image_token(backend):
    """A model that wants nothing but image tokens."""
    encoder, head = backend._loaded.encoder, backend._loaded.model.get_output_embeddings()

    def longs(_, __, logits):
        return logits.index_fill(-1, torch.tensor([encoder.image_id]), 1e9)

    handle = head.register_forward_hook(longs)
    (reply,) = backend.complete([OrderTask(QUESTION, PAGES[:2])])
    handle.remove()
    assert reply.text  # image tokens are special, and would not be seen in it


def test_the_card_says_that_the_model_sees(backend):
    assert backend.card.reads_images


@pytest.mark.parametrize("shape", [(1, 1), (900, 3), (2, 700)])
def test_an_image_of_an_odd_shape_is_read_or_costs_its_own_candidate_only(backend, monkeypatch, shape):
    monkeypatch.setitem(PICTURES, f"odd {shape}", picture(5, shape))
    odd, plain = backend.judge([RelevanceTask(QUESTION, page) for page in (shown("odd", f"odd {shape}"), PAGES[0])])
    assert odd.probability is not None or odd.fault.kind == "image_unread"
    (alone,) = backend.judge([RelevanceTask(QUESTION, PAGES[0])])
    assert plain.probability == pytest.approx(alone.probability, abs=1e-5)
