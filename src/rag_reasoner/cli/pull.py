"""`rag-reasoner pull`: the default model's weights, ahead of time."""

import typer

from rag_reasoner.cli import options
from rag_reasoner.cli.build import working
from rag_reasoner.cli.exits import EXIT_CODES, guarded

EXAMPLES = f"""
Examples:

  rag-reasoner pull

  rag-reasoner pull --gguf SmolLM2-135M-Instruct.Q4_1.gguf

{EXIT_CODES}
"""


@guarded
def pull(gguf: options.Gguf = None) -> None:
    """Fetch the default model's weights and make them ready: later questions then need no network."""
    from rag_reasoner.models import pull as pull_weights

    with working("fetching and converting the weights"):
        folder = pull_weights(gguf)
    typer.echo(f"the default model is ready in {folder}")
