"""Pages and questions become vectors: the model's own, whatever batch they came in, each known by its place."""

import json
import shutil
from functools import cache

import numpy as np
import pytest
import tiny_colpali
from PIL import Image
from tiny_colpali import FAMILIES, encoder, needs_engine

from rag_reasoner.errors import InvalidInput, QueryTooLong, Unreadable
from rag_reasoner.retrieve.colpali import PageEncoder
from rag_reasoner.retrieve.maxsim import maxsim

QUESTION = "When did the museum open?"
SIZES = ((200, 283), (283, 200), (100, 100))


def picture(width, height, seed=0):
    noise = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(noise)


@cache
def pages(family, dtype="float32"):
    return encoder(family, dtype=dtype).pages([picture(*size) for size in SIZES])


def raw(family, inputs, dtype="float32"):
    """What the family's own model makes of its own processor's inputs, without the padding."""
    import torch

    loaded = encoder(family, dtype=dtype)._loaded
    inputs = {name: value for name, value in inputs.items() if name != "labels"}
    with torch.inference_mode():
        found = loaded.model(**inputs)
    found = getattr(found, "embeddings", found)
    return [vectors[mask.bool()] for vectors, mask in zip(found, inputs["attention_mask"], strict=True)]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_batch_gives_what_each_page_gives_alone(family):
    for page, size in zip(pages(family), SIZES, strict=True):
        (alone,) = encoder(family).pages([picture(*size)])
        np.testing.assert_allclose(page.vectors, alone.vectors, atol=1e-5)
        assert (page.rows, page.columns) == (alone.rows, alone.columns)


@pytest.mark.parametrize("family", FAMILIES)
def test_vectors_are_the_models_own_in_another_order(family):
    processor = encoder(family)._loaded.processor
    expected = raw(family, processor.process_images([picture(*size) for size in SIZES]))
    for page, own in zip(pages(family), expected, strict=True):
        assert page.vectors.dtype == np.float32
        assert sorted(map(tuple, page.vectors.tolist())) == sorted(map(tuple, own.tolist()))


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("bfloat16", 1e-3)])
@pytest.mark.parametrize("family", FAMILIES)
def test_maxsim_equals_the_processors_own_scorer(family, dtype, tolerance):
    made, own = encoder(family, dtype=dtype), encoder(family, dtype=dtype)._loaded.processor
    scorer = getattr(own, "score_retrieval", None) or own.score_multi_vector
    queries = raw(family, own.process_queries([QUESTION]), dtype)
    passages = raw(family, own.process_images([picture(*size) for size in SIZES]), dtype)
    expected = scorer([one.float() for one in queries], [one.float() for one in passages])[0].numpy()
    found = maxsim(made.query(QUESTION).vectors, [page.vectors for page in pages(family, dtype)])
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("family", FAMILIES)
def test_in_half_the_precision_vectors_point_the_same_way(family):
    for whole, half in zip(pages(family), pages(family, "bfloat16"), strict=True):
        cosines = (whole.vectors * half.vectors).sum(axis=1) / np.linalg.norm(half.vectors, axis=1)
        assert np.median(cosines) > 0.98


@pytest.mark.parametrize("place", [(0.1, 0.1), (0.9, 0.1), (0.1, 0.9), (0.6, 0.6)])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_cell_stands_where_the_page_was_changed(family, place):
    plain = Image.new("RGB", (224, 224), "white")
    changed, (x, y) = plain.copy(), (int(224 * fraction) for fraction in place)
    changed.paste(picture(42, 42), (x - 21, y - 21))
    before, after = encoder(family).pages([plain, changed])
    cells = before.rows * before.columns
    moved = np.linalg.norm(before.vectors[:cells] - after.vectors[:cells], axis=1)
    row, column = divmod(int(moved.argmax()), before.columns)
    assert abs((column + 0.5) / before.columns - place[0]) < 0.15
    assert abs((row + 0.5) / before.rows - place[1]) < 0.15


@pytest.mark.parametrize("family", FAMILIES)
def test_a_page_is_drawn_no_larger_than_the_model_sees(family):
    made = encoder(family)
    resolution = made.resolution
    assert made.pages([Image.new("RGB", (2, 2))])[0].rows > 0
    assert (resolution.get("max_pixels") or resolution["size"][0] * resolution["size"][1]) <= 256 * 256


@pytest.mark.parametrize("family", FAMILIES)
def test_the_places_asked_are_those_of_the_questions_words(family):
    made = encoder(family)
    words = made._loaded.processor.tokenizer
    ids = made._loaded.processor.process_queries([QUESTION])["input_ids"][0]
    asked = made.query(QUESTION).asked
    assert words.decode(ids[list(asked)]).strip() == QUESTION
    assert len(asked) < len(made.query(QUESTION).vectors)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_question_cannot_show_an_image_or_end_early(family):
    made = encoder(family)
    words = made._loaded.processor.tokenizer
    question = "what is " + " ".join(words.all_special_tokens) + words.eos_token * 2
    plain = made._plain(question)
    ids = words(plain, add_special_tokens=False)["input_ids"]
    assert not set(ids) & set(words.all_special_ids)
    assert len(made.query(plain).vectors) == len(made.query(question).vectors)


def test_a_mark_with_blanks_is_taken_apart_once(monkeypatch):
    words = encoder()._loaded.processor.tokenizer
    monkeypatch.setattr(type(words), "get_added_vocab", lambda _: {" <x>": 1, "a ": 2, "b c": 3, "  ": 4})
    assert encoder()._plain("see <x> a b c") == "see < x> a b c"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_question_that_is_too_long_says_how_much_the_model_takes(family):
    made = encoder(family)
    with pytest.raises(QueryTooLong, match=rf"takes {made.context:,}"):
        made.query("museum " * 4096)


@pytest.mark.parametrize("question", ["", "  \n"])
def test_an_empty_question_is_refused(question):
    with pytest.raises(InvalidInput, match="empty"):
        encoder().query(question)


def test_a_question_of_a_lone_surrogate_is_taken():
    assert len(encoder().query("what is \ud800?").asked) > 0


def test_no_images_make_no_pages():
    assert encoder().pages([]) == []


def test_a_shape_that_the_model_does_not_take_is_named():
    with pytest.raises(Unreadable, match="2000 x 2 pixels"):
        encoder("colqwen2").pages([Image.new("RGB", (2000, 2))])


@needs_engine
def test_tiles_stand_as_the_engine_puts_them():
    import torch

    made = encoder("colidefics3")
    processor = made._loaded.processor
    image = picture(200, 283)
    inputs = processor.process_images([image])
    (own,) = raw("colidefics3", inputs)
    grid = processor.rearrange_image_embeddings(own, processor.get_local_image_mask(inputs)[0], (12, 16))
    (page,) = made.pages([image])
    expected = torch.transpose(grid, 0, 1).reshape(16 * 12, -1).numpy()
    np.testing.assert_array_equal(page.vectors[: 16 * 12], expected)


@needs_engine
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # by peft, in this test
def test_an_adapter_is_loaded_onto_the_base_that_it_names(tmp_path):
    from peft import LoraConfig, get_peft_model

    base = tiny_colpali.folder("colqwen2_5")
    model = PageEncoder(base, dtype="float32", device="cpu")._loaded.model
    config = LoraConfig(target_modules=["q_proj", "custom_text_proj"], init_lora_weights=False)
    adapter = get_peft_model(model, config)
    adapter.peft_config["default"].base_model_name_or_path = base
    adapter.save_pretrained(tmp_path)
    for name in ("processor_config.json", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(f"{base}/{name}", tmp_path)
    assert json.loads((tmp_path / "adapter_config.json").read_text())["base_model_name_or_path"] == base
    made = PageEncoder(tmp_path, dtype="float32", device="cpu")
    (page,) = made.pages([picture(*SIZES[0])])
    assert made.identity.settings != encoder("colqwen2_5").identity.settings
    assert np.abs(page.vectors - pages("colqwen2_5")[0].vectors).max() > 0.01
