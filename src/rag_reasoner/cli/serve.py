"""`rag-reasoner serve`: the pipeline behind HTTP."""

from ipaddress import ip_address
from typing import Annotated

import typer

from rag_reasoner.cli import options
from rag_reasoner.cli.build import Asked, reranker, server_of
from rag_reasoner.cli.exits import EXIT_CODES, guarded
from rag_reasoner.errors import InvalidInput, MissingExtra

EXAMPLES = f"""
Examples:

  rag-reasoner serve

  rag-reasoner serve --port 9000 --model Qwen/Qwen3-4B-Instruct-2507

  RAG_REASONER_SERVER_TOKEN=$(openssl rand -hex 32) rag-reasoner serve --host 0.0.0.0

Clients of Cohere and Jina ask it at /v1/rerank and /v2/rerank; /v1/answer answers, /openapi.json lists everything.

{EXIT_CODES}
"""


@guarded
def serve(
    host: Annotated[str, typer.Option(help="Where to listen. Beyond this machine only with a token.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 for any that is free.")] = 8080,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="RAG_REASONER_SERVER_TOKEN",
            help="What clients must send as a bearer token. In the environment no other user sees it.",
        ),
    ] = None,
    model: options.Model = None,
    base_url: options.BaseUrl = None,
    context: options.Context = None,
    dialect: options.Dialect = None,
    reads_images: options.ReadsImages = False,
    filter_model: options.FilterModel = None,
    format: options.Format = None,
    keep: options.Keep = "auto",
    seconds: options.Seconds = None,
    tokens: options.Tokens = None,
    shuffles: options.Shuffles = 1,
    seed: options.Seed = 0,
    max_candidates: Annotated[int, typer.Option(min=1, help="How many documents a request may have.")] = 100,
    max_waiting: Annotated[int, typer.Option(min=1, help="How many requests may be under way; others get 503.")] = 64,
    request_seconds: Annotated[float, typer.Option(min=0.1, help="How long a request may take.")] = 300,
    drain_seconds: Annotated[float, typer.Option(min=0, help="How long SIGTERM waits for what is under way.")] = 30,
) -> None:
    """Serve the model over HTTP, in the shape of Cohere's and Jina's rerankers, until SIGTERM or Ctrl+C."""
    try:
        from rag_reasoner.server.app import create_app
        from rag_reasoner.server.listening import listen
        from rag_reasoner.server.settings import ServerSettings
    except ModuleNotFoundError as error:
        raise MissingExtra("the server", "server") from error
    home = _at_home(host)
    if not home and token is None:
        raise InvalidInput(
            f"--host {host} lets other machines in: set RAG_REASONER_SERVER_TOKEN, or listen on 127.0.0.1"
        )
    settings = ServerSettings(
        token=token,
        hosts=() if token else tuple(dict.fromkeys(("127.0.0.1", "localhost", "[::1]", _in_url(host)))),
        max_candidates=max_candidates,
        max_waiting=max_waiting,
        request_seconds=request_seconds,
        drain_seconds=drain_seconds,
    )
    server = server_of(base_url, context, dialect, reads_images)
    reasoner = reranker(Asked(model, filter_model, format, keep, seconds, tokens, shuffles, seed, server))
    app = create_app(reasoner, settings)
    listen(app, settings, host, port, lambda address: typer.echo(f"serving {reasoner.model_name} on {address}"))


def _at_home(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _in_url(host: str) -> str:
    """The host as an address names it."""
    return f"[{host}]" if ":" in host else host
