"""`rag-reasoner eval`: a benchmark through a model."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from rag_reasoner.cli import options
from rag_reasoner.cli.build import counting, server_of, working
from rag_reasoner.cli.exits import EXIT_CODES, guarded
from rag_reasoner.errors import InvalidInput
from rag_reasoner.evaluate.bart_score import BartScore
from rag_reasoner.evaluate.benchmarks import BENCHMARKS, Benchmark, benchmark
from rag_reasoner.evaluate.folder import begin, header, read_run, records
from rag_reasoner.evaluate.record import Sources
from rag_reasoner.evaluate.run import run
from rag_reasoner.evaluate.sample import all_ids, rows, sampled_ids
from rag_reasoner.evaluate.setting import FirstStage, Setting
from rag_reasoner.evaluate.tables import report
from rag_reasoner.metrics.citations import SourcesBy
from rag_reasoner.stages.keep import parse_keep

EXAMPLES = f"""
Examples:

  rag-reasoner eval mmdocir --data MMDocIR --out runs/mmdocir --sample 300 --fetch-k 20

  rag-reasoner eval webqa --data WebQA --out runs/no-filter --no-filter --model Qwen/Qwen2.5-VL-3B-Instruct

  rag-reasoner eval webqa --data WebQA --out runs/served --base-url http://localhost:8000/v1 --reads-images

  rag-reasoner eval jsonl --data mine --split test --out runs/bm25 --no-filter --no-rank --no-answer

A run that was stopped goes on where it was when the same command is given again.

{EXIT_CODES}
"""


@guarded
def evaluate(
    name: Annotated[str, typer.Argument(metavar="BENCHMARK", help=f"One of {', '.join(BENCHMARKS)}.")],
    data: Annotated[Path, typer.Option(help="The folder with the benchmark's files, as its authors ship them.")],
    out: Annotated[Path, typer.Option(help="The run's folder; one that holds a part of this run is carried on.")],
    split: Annotated[str | None, typer.Option(help="Default: the benchmark's development split.")] = None,
    sample: Annotated[int | None, typer.Option(min=1, help="Ask this many questions, drawn by their hashes.")] = None,
    first_stage: Annotated[
        FirstStage, typer.Option(help="How the candidates are ordered before the model sees them.")
    ] = "lexical",
    fetch_k: Annotated[
        int | None, typer.Option(min=1, help="How many candidates the first stage passes on. Default: all.")
    ] = None,
    filter: Annotated[bool, typer.Option("--filter/--no-filter", help="Judge every candidate on its own.")] = True,
    rank: Annotated[bool, typer.Option("--rank/--no-rank", help="Rank the rest as a list.")] = True,
    answer: Annotated[
        bool, typer.Option("--answer/--no-answer", help="Answer too; the ranking's reply has the answer.")
    ] = True,
    keep: options.Keep = "auto",
    model: options.Model = None,
    base_url: options.BaseUrl = None,
    context: options.Context = None,
    dialect: options.Dialect = None,
    reads_images: options.ReadsImages = False,
    filter_model: options.FilterModel = None,
    format: options.Format = None,
    shuffles: options.Shuffles = 1,
    sources: Annotated[
        SourcesBy, typer.Option(help="Which documents count as an answer's sources: those cited, or those likely.")
    ] = "citations",
    source_threshold: Annotated[
        float, typer.Option(min=0, max=1, help="With --sources probability: P(relevant) above this.")
    ] = 0.5,
    fluency_model: Annotated[
        str | None, typer.Option(metavar="ID|FOLDER", help="webqa: the BART checkpoint that QA-FL is measured with.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The seed of the sample, of the random order and of the shuffles.")] = 0,
    table: Annotated[Path | None, typer.Option(help="Write the tables into this Markdown file too.")] = None,
    plots: Annotated[Path | None, typer.Option(help="Draw the plots into this folder.")] = None,
) -> None:
    """Run a benchmark: a record a question, and tables with all that is needed to make them again."""
    asked = benchmark(name)
    predicted = Sources(sources, source_threshold)
    setting = Setting(
        model=model,
        filter_model=filter_model,
        first_stage=first_stage,
        fetch_k=fetch_k,
        filter=filter,
        rank=rank,
        answer=answer,
        keep=parse_keep(keep),
        shuffles=shuffles,
        seed=seed,
        sources=predicted,
        server=server_of(base_url, context, dialect, reads_images),
        format=format,
    )
    split = split or asked.split
    ids = _drawn(asked, data, split, sample, seed)
    begin(out, header(name, split, ids, setting, sample, shlex.join(["rag-reasoner", *sys.argv[1:]])))
    if left := ids - {record.id for record in records(out)}:
        with working("loading the model"):
            reranker = setting.reranker(data)
        with counting("asking", len(left)) as advance:
            run(rows(asked.load, data, split, left), setting, reranker, out, advance)
    _tell(out, table, plots, fluency_model)


def _drawn(asked: Benchmark, data: Path, split: str, sample: int | None, seed: int) -> frozenset[str]:
    """The ids of the questions to ask. Raises InvalidInput where there are none."""
    ids = all_ids(asked.load, data, split)
    if not ids:
        raise InvalidInput(f"{data} has no question of the split {split!r}: give another --split, or another --data")
    return sampled_ids(ids, sample or len(ids), seed)


def _tell(out: Path, table: Path | None, plots: Path | None, fluency_model: str | None) -> None:
    found = read_run(out)
    text = report(found, BartScore(fluency_model) if fluency_model else None)
    typer.echo(text, nl=False)
    if table:
        table.write_text(text, encoding="utf-8")
    if plots:
        from rag_reasoner.evaluate.plots import draw

        draw(found, plots)
