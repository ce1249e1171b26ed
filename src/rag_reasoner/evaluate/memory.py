"""The most memory that this process has held so far."""

import sys


def peak() -> dict[str, float]:
    """In MB: "process" where the system tells, "gpu" where torch is loaded and uses one."""
    return _of_the_process() | _of_the_gpu()


def _of_the_process() -> dict[str, float]:
    if sys.platform == "win32":
        return {}
    import resource

    units = 2**20 if sys.platform == "darwin" else 2**10
    return {"process": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / units}


def _of_the_gpu() -> dict[str, float]:
    torch = sys.modules.get("torch")  # never loaded for the sake of this
    if torch is None or not torch.cuda.is_available():
        return {}
    return {"gpu": torch.cuda.max_memory_allocated() / 2**20}
