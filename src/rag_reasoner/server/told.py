"""Errors as replies: whatever is raised while a request is read or answered becomes one JSON object."""

import logging
import re
import traceback
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from rag_reasoner.errors import InvalidInput, RagReasonerError
from rag_reasoner.server.asked import NAMES
from rag_reasoner.server.body import is_json
from rag_reasoner.server.problems import Problem

log = logging.getLogger(__name__)

_NAME = re.compile(r"[A-Za-z_]\w{0,40}", re.ASCII)


async def tell(request: Request, error: Exception) -> Response:
    """The reply to a request that raised `error`."""
    problem = as_problem(error, json=is_json(request.scope))
    return Response(problem.body, problem.status, dict(problem.headers))


def as_problem(error: Exception, *, json: bool = True) -> Problem:
    """What a client is told about `error`; the log gets its type only, as its message may name hosts and files."""
    match error:
        case Problem():
            return error
        case RequestValidationError():
            return _invalid(error, json)
        case InvalidInput():
            return Problem(422, "invalid", str(error))
        case HTTPException():
            return _of_http(error)
        case RagReasonerError():
            log.error("the model could not be asked: %s", type(error).__name__)
            return Problem(502, "model_failed", "the model could not be asked; try again, or tell who runs the server")
        case _:
            return unexpected(error)


def unexpected(error: Exception) -> Problem:
    """What is told of an error that nobody thought of; the log gets where it was raised, but not what it says."""
    log.error("%s at %s", type(error).__name__, _where(error))
    return Problem(500, "internal", "something went wrong in the server")


def _where(error: BaseException) -> str:
    """The innermost places of a traceback, without messages and lines of code."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    return " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames))


def _of_http(error: HTTPException) -> Problem:
    phrase = HTTPStatus(error.status_code).phrase
    said = {404: "there is nothing at this address", 405: "this address takes another method"}
    kind = phrase.lower().replace(" ", "_")
    return Problem(error.status_code, kind, f"{said.get(error.status_code, phrase)}; /openapi.json lists what there is")


def _invalid(error: RequestValidationError, json: bool) -> Problem:
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return Problem(400, "bad_json", f"the body is not JSON: {first['ctx']['error']} at character {first['loc'][1]}")
    if not json:
        return Problem(415, "not_json", "the body is not declared as JSON: send Content-Type: application/json")
    return Problem(422, "invalid", _sentence(first))


def _sentence(first: Mapping[str, Any]) -> str:
    """What is wrong and where; the value only where it can be nothing but a setting."""
    path = first["loc"][1:]
    if first["type"] == "extra_forbidden" and len(path) == 1:
        named = path[0] if _NAME.fullmatch(str(path[0])) else "a field"
        return f"{named}: this server does not know it; its model, files and addresses cannot be set by a request"
    where = ".".join(str(part) for part in path if isinstance(part, int) or part in NAMES) or "the body"
    value = first.get("input")
    shown = f" (it is {value!r})" if len(path) == 1 and isinstance(value, int | float) else ""
    return f"{where}: {first['msg']}{shown}"
