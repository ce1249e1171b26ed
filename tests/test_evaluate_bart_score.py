"""BARTScore with a tiny random BART: the arithmetic, not the quality."""

import pytest
import tiny_models
from benchmark_folders import webqa
from typer.testing import CliRunner

from rag_reasoner.cli import app
from rag_reasoner.errors import ModelError
from rag_reasoner.evaluate.bart_score import BartScore

PAIRS = (["The door is red.", "A wall", "The door is red."], ["red", "A wall stands there.", "The door is red."])


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    import torch
    from transformers import BartConfig, BartForConditionalGeneration

    folder = tmp_path_factory.mktemp("bart")
    reads = tiny_models.tokenizer()
    ids = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2}
    sizes = dict.fromkeys(("encoder_layers", "decoder_layers"), 1) | dict.fromkeys(
        ("encoder_attention_heads", "decoder_attention_heads"), 2
    )
    torch.manual_seed(0)
    config = BartConfig(
        vocab_size=len(reads), d_model=16, encoder_ffn_dim=32, decoder_ffn_dim=32, init_std=0.5, **sizes, **ids
    )
    BartForConditionalGeneration(config).save_pretrained(folder)
    reads.save_pretrained(folder)
    return folder


def one_by_one(folder, source, target):
    """The mean log-probability of the target's tokens, each predicted from the source and the tokens before it."""
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    reads, model = AutoTokenizer.from_pretrained(folder), AutoModelForSeq2SeqLM.from_pretrained(folder).eval()
    ids = reads(target)["input_ids"]
    total = 0.0
    for place, token in enumerate(ids):
        before = torch.tensor([[model.config.decoder_start_token_id, *ids[:place]]])
        with torch.inference_mode():
            logits = model(**reads(source, return_tensors="pt"), decoder_input_ids=before).logits
        total += float(logits[0, -1].log_softmax(-1)[token])
    return total / len(ids)


def test_a_batch_of_unequal_pairs_scores_as_each_token_predicted_in_turn(checkpoint):
    score = BartScore(checkpoint)
    expected = [one_by_one(checkpoint, source, target) for source, target in zip(*PAIRS, strict=True)]
    assert score(*PAIRS) == pytest.approx(expected, abs=1e-5)
    assert len(set(expected)) == 3
    assert score([], []) == []


def test_webqa_tells_fluency_with_a_checkpoint_and_that_it_is_absent_without(checkpoint, tmp_path):
    words = ["eval", "webqa", "--data", webqa(tmp_path / "data"), "--out", tmp_path / "out", "--model", "lexical"]
    without = CliRunner().invoke(app, list(map(str, words)))
    assert "QA-FL was not measured" in without.stdout
    later = CliRunner().invoke(app, [*map(str, words), "--fluency-model", str(checkpoint)])
    assert later.exit_code == 0, later.output
    assert "over 1 answers" in later.stdout


def test_a_checkpoint_that_is_none_is_named(tmp_path):
    with pytest.raises(ModelError, match="BART checkpoint"):
        BartScore(tmp_path)
