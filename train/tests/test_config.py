"""A run's file: flat, typed, and what it does not know it names."""

from pathlib import Path

import pytest
import yaml
from rag_reasoner_train.cli.training import Given
from rag_reasoner_train.config import Listwise, Pointwise, Sft, read_run
from rag_reasoner_train.stages.arguments import arguments_of

from rag_reasoner.errors import InvalidInput

CONFIGS = Path(__file__).parent.parent / "configs"
STAGES = {"sft": Sft, "pointwise": Pointwise, "listwise": Listwise}


def read(tmp_path, stage="sft", changes=(), **stored):
    file = tmp_path / "run.yaml"
    file.write_text(yaml.safe_dump({"out": "runs/x", "data": "rows", **stored}))
    return read_run(file, STAGES[stage], arguments_of(stage), changes)


@pytest.mark.parametrize(
    ("key", "near"), [("lora_rnak", "lora_rank"), ("learning_rat", "learning_rate"), ("objectiv", "objective")]
)
def test_an_unknown_key_is_named_with_the_near_one(key, near, tmp_path):
    with pytest.raises(InvalidInput, match=f"unknown key '{key}'; did you mean '{near}'"):
        read(tmp_path, **{key: 1})


def test_arguments_of_trl_pass_through_and_only_where_they_are_used(tmp_path):
    run = read(tmp_path, "listwise", use_vllm=True, vllm_mode="server", loss_type="dr_grpo", fsdp="full_shard")
    handed_on = {"use_vllm": True, "vllm_mode": "server", "loss_type": "dr_grpo", "fsdp": "full_shard"}
    assert run.handed_on == handed_on
    with pytest.raises(InvalidInput, match="unknown key 'vllm_mode'"):
        read(tmp_path, "sft", vllm_mode="server")


def test_the_command_line_has_the_last_word(tmp_path):
    run = read(tmp_path, learning_rate=1e-3, changes=["learning_rate=2e-4", "data=[a, b]", "words=null"])
    assert run.handed_on["learning_rate"] == 2e-4
    assert run.settings.data == (Path("a"), Path("b"))
    assert run.settings.words is None


def test_a_change_that_is_no_yaml_is_told(tmp_path):
    with pytest.raises(InvalidInput, match=r"'tasks=\[rank' cannot be read"):
        read(tmp_path, changes=["tasks=[rank"])


def test_folders_of_any_name_reach_the_run(tmp_path):
    odd = [Path("it's"), Path('a "b"'), Path("back\\slash"), Path("né: [x]")]
    run = read(tmp_path, changes=Given(odd, odd[2], ["rows=3"]).as_changes())
    assert run.settings.data == tuple(odd)
    assert run.settings.out == odd[2]
    assert run.settings.rows == 3


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        ({"lora_rank": "many"}, "lora_rank: .*not 'many'"),
        ({"objective": "contrast"}, "objective: .*not 'contrast'"),
        ({"output_dir": "x"}, "'output_dir' is called 'out' here"),
        ({"bf16": False}, "'bf16' is called 'precision' here"),
    ],
)
def test_a_value_that_does_not_fit_is_named(stored, told, tmp_path):
    with pytest.raises(InvalidInput, match=told):
        read(tmp_path, **stored)


def test_what_is_needed_is_asked_for(tmp_path):
    file = tmp_path / "run.yaml"
    file.write_text("out: x\n")
    with pytest.raises(InvalidInput, match="data"):
        read_run(file, Sft, arguments_of("sft"))


@pytest.mark.parametrize("text", ["- a\n- b\n", "key: [", "\x00"])
def test_a_file_that_is_no_run_is_told(text, tmp_path):
    file = tmp_path / "run.yaml"
    file.write_text(text)
    with pytest.raises(InvalidInput, match=r"run\.yaml"):
        read_run(file, Sft, arguments_of("sft"))


@pytest.mark.parametrize(
    ("name", "stage"),
    [("contrastive", "sft"), ("sft", "sft"), ("pointwise", "pointwise"), ("listwise", "listwise")],
)
def test_the_configurations_that_ship_can_be_read(name, stage):
    assert read_run(CONFIGS / f"{name}.yaml", STAGES[stage], arguments_of(stage)).settings.data
