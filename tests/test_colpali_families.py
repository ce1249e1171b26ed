"""Which family a checkpoint is of, where its cells stand, and what is said of one that cannot be loaded."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tiny_colpali
import tiny_models
from safetensors.numpy import load_file, save_file

from rag_reasoner.errors import MissingExtra, ModelError
from rag_reasoner.retrieve.colpali import PageEncoder
from rag_reasoner.retrieve.colpali.arrangement import in_grid, in_square, in_tiles
from rag_reasoner.retrieve.colpali.families import FAMILIES, family_of
from rag_reasoner.retrieve.colpali.identity import fingerprint


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.architecture)
def test_a_family_is_known_by_its_configuration(family):
    config = {"model_type": family.model_type, "architectures": [family.architecture]}
    assert family_of(config, "any/name") is family


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"model_type": "colpali"},
        {"model_type": "llama", "architectures": ["LlamaForCausalLM"]},
        {"model_type": "qwen2_5_vl", "architectures": ["Qwen2_5_VLForConditionalGeneration"]},
        {"model_type": "qwen3_vl", "architectures": ["ColQwen2_5"]},
    ],
)
def test_what_is_not_in_the_table_is_refused_with_what_is(config):
    with pytest.raises(ModelError, match="vidore/colpali-in-name-only") as refused:
        family_of(config, "vidore/colpali-in-name-only")
    assert str(config.get("model_type", "no model_type")) in str(refused.value)
    assert all(family.architecture in str(refused.value) for family in FAMILIES)


def test_a_language_model_is_no_page_retriever():
    with pytest.raises(ModelError, match=r"LlamaForCausalLM \(llama\)"):
        PageEncoder(tiny_models.folder("language"))


def test_what_is_neither_a_folder_nor_a_hub_id_is_named():
    with pytest.raises(ModelError, match="no/such-model"):
        PageEncoder("no/such-model")


def test_a_folder_without_a_model_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"config\.json is missing"):
        PageEncoder(tmp_path)


def test_a_family_of_the_engine_asks_for_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "colpali_engine.models", None)
    config = {"model_type": "qwen2_5_vl", "architectures": ["ColQwen2_5"]}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(MissingExtra, match=r"ColQwen2_5 checkpoint .*rag-reasoner\[colpali\]"):
        PageEncoder(tmp_path)


@pytest.mark.parametrize("missing", ["torch", "transformers"])
def test_without_a_package_the_extra_is_named(missing, monkeypatch):
    from importlib.util import find_spec

    there = lambda name: None if name == missing else find_spec(name)  # noqa: E731
    monkeypatch.setattr("rag_reasoner.retrieve.colpali.load.find_spec", there)
    with pytest.raises(MissingExtra, match=r"rag-reasoner\[colpali\]"):
        PageEncoder(tiny_colpali.folder("colmodernvbert"))


def test_pickled_weights_are_not_loaded(tmp_path):
    shutil.copytree(tiny_colpali.folder("colmodernvbert"), tmp_path, dirs_exist_ok=True)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelError, match="safetensors"):
        PageEncoder(tmp_path)


@pytest.fixture
def copied(tmp_path):
    """A folder with a tiny checkpoint that may be spoilt."""
    return Path(shutil.copytree(tiny_colpali.folder("colmodernvbert"), tmp_path / "copy"))


def kept(folder, keep):
    """Leave in `folder` only the weights whose names `keep` wants."""
    weights = folder / "model.safetensors"
    save_file({name: each for name, each in load_file(weights).items() if keep(name)}, weights, {"format": "pt"})


def test_weights_that_are_missing_are_not_made_up(copied):
    kept(copied, lambda name: "embedding_proj" not in name)
    with pytest.raises(ModelError, match=r"lack 2 tensors of a ColModernVBertForRetrieval, 'embedding_proj_layer.b"):
        PageEncoder(copied)


def test_a_head_that_no_page_retriever_uses_may_be_missing(copied):
    kept(copied, lambda name: "vision_model.head." not in name)
    whole, without = (
        PageEncoder(folder, device="cpu", dtype="float32").query("Which museum?")
        for folder in (tiny_colpali.folder("colmodernvbert"), copied)
    )
    np.testing.assert_array_equal(whole.vectors, without.vectors)


@pytest.mark.parametrize(
    "damage", [lambda whole: whole[: len(whole) // 2], lambda whole: b"", lambda whole: b"\xff" * 99]
)
def test_damaged_weights_are_an_error_in_words(copied, damage):
    weights = copied / "model.safetensors"
    weights.write_bytes(damage(weights.read_bytes()))
    with pytest.raises(ModelError, match=r"the weights of .* could not be loaded"):
        PageEncoder(copied)


@pytest.mark.parametrize(
    ("config", "said"),
    [(lambda whole: [1], "missing or damaged"), (lambda whole: whole | {"embedding_dim": "x"}, "could not be loaded")],
)
def test_a_configuration_that_cannot_be_is_an_error_in_words(copied, config, said):
    path = copied / "config.json"
    path.write_text(json.dumps(config(json.loads(path.read_text()))))
    with pytest.raises(ModelError, match=said):
        PageEncoder(copied)


def test_a_fingerprint_tells_weights_apart_and_not_names(tmp_path):
    shutil.copytree(tiny_colpali.folder("colmodernvbert"), tmp_path / "copy")
    one, other = (tiny_colpali.encoder(seed=seed).identity for seed in (0, 1))
    assert one.settings != other.settings
    assert fingerprint([tmp_path / "copy"]) == one.settings["fingerprint"]


def test_other_settings_of_the_pictures_make_another_model(tmp_path):
    place = tmp_path / "copy"
    shutil.copytree(tiny_colpali.folder("colmodernvbert"), place)
    before = fingerprint([place])
    settings = place / "processor_config.json"
    settings.write_text(settings.read_text().replace("224", "112"))
    assert fingerprint([place]) != before


def test_a_grid_is_read_row_by_row_and_the_prompt_comes_after():
    seen = np.array([False, True, True, True, True, True, True, False])
    cells = in_grid(seen, 2, 3)
    assert (cells.rows, cells.columns, cells.order.tolist()) == (2, 3, [1, 2, 3, 4, 5, 6, 0, 7])


def test_a_square_has_as_many_rows_as_columns():
    assert (in_square(np.ones(9, dtype=bool)).rows, in_square(np.ones(9, dtype=bool)).columns) == (3, 3)


def test_tiles_are_put_together_into_a_page():
    # Two tiles side by side of 2 x 2 cells, then the small picture of the page, each after a mark.
    seen = np.array([False, True, True, True, True] * 3)
    cells = in_tiles(seen, 1, 2, 4)
    assert (cells.rows, cells.columns) == (2, 4)
    assert cells.order.tolist() == [1, 2, 6, 7, 3, 4, 8, 9, 0, 5, 10, 11, 12, 13, 14]


def test_a_page_without_tiles_is_its_small_picture():
    cells = in_tiles(np.array([False, True, True, True, True]), 0, 0, 4)
    assert (cells.rows, cells.columns, cells.order.tolist()) == (2, 2, [1, 2, 3, 4, 0])


@pytest.mark.parametrize("cells", [in_tiles(np.ones(7, dtype=bool), 1, 1, 4), in_grid(np.ones(7, dtype=bool), 2, 3)])
def test_what_does_not_add_up_has_no_places(cells):
    assert (cells.rows, cells.columns, cells.order.tolist()) == (0, 0, list(range(7)))
