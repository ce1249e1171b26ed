"""Writes docs/cli.md from the commands themselves, the way `--help` has it: `make cli-docs`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from rag_reasoner.cli import app

PAGE = Path(__file__).parent / "cli.md"


def page() -> str:
    """The page as it should be."""
    root = get_command(app)
    commands: dict[str, Any] = root.commands  # type: ignore[attr-defined]
    parts = ["# Command line", *_described(root), *_table(root)]
    for name, command in commands.items():
        parts += [f"## rag-reasoner {name}", *_described(command), *_table(command)]
        for below, one in getattr(command, "commands", {}).items():
            parts += [f"### rag-reasoner {name} {below}", *_described(one), *_table(one)]
    return "\n\n".join(parts) + "\n"


def _described(command: Any) -> Iterator[str]:
    """What the help says before the options, and the examples and exit codes after them."""
    if command.help:
        yield " ".join(command.help.split())
    if command.epilog:
        yield f"```text\n{_flush(command.epilog)}\n```"


def _flush(text: str) -> str:
    return "\n".join(line.strip() for line in text.strip().splitlines())


def _table(command: Any) -> Iterator[str]:
    shown = [one for one in command.params if not getattr(one, "hidden", False) and one.name != "help"]
    if shown:
        yield "\n".join(["| | | default |", "|---|---|---|", *map(_row, shown)])


def _row(one: Any) -> str:
    names = one.opts + one.secondary_opts if one.param_type_name == "option" else [str(one.metavar or one.name).upper()]
    default = "" if one.default in (None, False) or callable(one.default) else f"`{one.default}`"
    text = " ".join(str(getattr(one, "help", "") or "").split()).replace("|", "\\|")
    return f"| {', '.join(f'`{name}`' for name in names)} | {text} | {default} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
