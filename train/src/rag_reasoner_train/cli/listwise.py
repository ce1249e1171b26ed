"""`rag-reasoner-train listwise`: stage 2 of reinforcement."""

import typer

from rag_reasoner_train.cli import training
from rag_reasoner_train.cli.exits import EXIT_CODES, guarded

EXAMPLES = f"""
Examples:

  rag-reasoner-train listwise train/configs/listwise.yaml --data prepared --set start=runs/sft --out runs/listwise

  rag-reasoner-train listwise train/configs/listwise.yaml --resume

{training.KEYS}

{EXIT_CODES}
"""


@guarded
def listwise(
    config: training.Config,
    data: training.Data = None,
    out: training.OutFolder = None,
    changes: training.Changes = None,
    resume: training.Resume = False,
) -> None:
    """Reinforce ranking with evidence and answers, by rewards."""
    from rag_reasoner_train.config import Listwise, read_run
    from rag_reasoner_train.stages.arguments import arguments_of
    from rag_reasoner_train.stages.listwise import listwise as run_listwise

    with training.no_foreign_warnings():
        run = read_run(config, Listwise, arguments_of("listwise"), training.Given(data, out, changes).as_changes())
        ended = run_listwise(run, resume=resume)
    typer.echo(ended or f"trained: {run.settings.out}")
