"""`rag-reasoner-train pointwise`: stage 1 of reinforcement."""

import typer

from rag_reasoner_train.cli import training
from rag_reasoner_train.cli.exits import EXIT_CODES, guarded

EXAMPLES = f"""
Examples:

  rag-reasoner-train pointwise train/configs/pointwise.yaml --data prepared --set start=runs/judge --out runs/pointwise

  rag-reasoner-train pointwise train/configs/pointwise.yaml --resume

{training.KEYS}

{EXIT_CODES}
"""


@guarded
def pointwise(
    config: training.Config,
    data: training.Data = None,
    out: training.OutFolder = None,
    changes: training.Changes = None,
    resume: training.Resume = False,
) -> None:
    """Reinforce the judgement of single documents, on the pairs that the model is least certain of."""
    from rag_reasoner_train.config import Pointwise, read_run
    from rag_reasoner_train.stages.arguments import arguments_of
    from rag_reasoner_train.stages.pointwise import pointwise as run_pointwise

    with training.no_foreign_warnings():
        run = read_run(config, Pointwise, arguments_of("pointwise"), training.Given(data, out, changes).as_changes())
        ended = run_pointwise(run, resume=resume)
    typer.echo(ended or f"trained: {run.settings.out}")
