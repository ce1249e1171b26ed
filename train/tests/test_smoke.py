"""The whole recipe on real rows and the default model, small: what `train/runs/smoke.sh` promises."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SMOKE = Path(__file__).parent.parent / "runs" / "smoke.sh"


@pytest.mark.model
@pytest.mark.slow
def test_real_rows_go_through_every_stage_to_a_reranker(tmp_path):
    beside = Path(sys.executable).parent
    environment = {**os.environ, "SMOKE_SCALE": "0.05", "PATH": f"{beside}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [str(SMOKE), str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "2 ranked" in done.stdout
    for stage in ("sft", "pointwise", "listwise"):
        assert (tmp_path / stage / "curves.png").is_file()
    assert "before" in (tmp_path / "pointwise" / "calibration.json").read_text()
    assert (tmp_path / "model" / "adapter_model.safetensors").is_file()
