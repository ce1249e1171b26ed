"""`rag-reasoner-train sft`: supervised fine-tuning."""

import typer

from rag_reasoner_train.cli import training
from rag_reasoner_train.cli.exits import EXIT_CODES, guarded

EXAMPLES = f"""
Examples:

  rag-reasoner-train sft train/configs/contrastive.yaml --data prepared --out runs/judge

  rag-reasoner-train sft train/configs/sft.yaml --data prepared --out runs/sft --set learning_rate=1e-4 --resume

{training.KEYS}

{EXIT_CODES}
"""


@guarded
def sft(
    config: training.Config,
    data: training.Data = None,
    out: training.OutFolder = None,
    changes: training.Changes = None,
    resume: training.Resume = False,
) -> None:
    """Learn perfect replies (objective: completion), or to tell candidates apart (objective: contrastive)."""
    from rag_reasoner_train.config import Sft, read_run
    from rag_reasoner_train.stages.arguments import arguments_of
    from rag_reasoner_train.stages.sft import sft as run_sft

    with training.no_foreign_warnings():
        run = read_run(config, Sft, arguments_of("sft"), training.Given(data, out, changes).as_changes())
        typer.echo(f"trained: {run_sft(run, resume=resume)}")
