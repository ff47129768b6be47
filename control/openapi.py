"""The control API in OpenAPI 3.1, made from the types and routes that the server uses.

`python -m control.openapi > docs/openapi.json` writes it again, and with `curl` behind it the
examples in docs/control-api.md; tests hold both against the code.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from control.endpoints import ENDPOINTS, Endpoint, Number
from control.protocol import DATABASE_HEADER, NO_DATABASE, ErrorReply

REF = "#/components/schemas/{model}"
MEANINGS = {
    400: "the request is malformed; the text names the field and what was expected",
    404: "there is no such thing",
    409: "refused, because it would make things worse; nothing changed",
    413: "the body is larger than 64 KiB; the text is plain",
    421: "the request names another database than the daemon's in `Testio-Database`",
    500: "a fault of the daemon; its log says more",
    503: "the daemon cannot answer just now; try again",
}
ALWAYS = (400, 421, 500, 503)
DATABASE = {
    "name": DATABASE_HEADER,
    "in": "header",
    "required": False,
    "description": "whose daemon is meant: `device:inode` of the database file, as `stat` gives "
    f"them, or `{NO_DATABASE}`; without it whichever answers",
    "schema": {"type": "string"},
}
TEXT = {"text/plain": {"schema": {"type": "string"}}}


def document() -> dict[str, Any]:
    """The whole document, ready for JSON."""
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in ENDPOINTS:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "testio-sync control socket",
            "version": "1",
            "description": "HTTP/1.1 and JSON over the daemon's Unix socket; docs/control-api.md. "
            f"Every request may name the database it is meant for in the header {DATABASE_HEADER}.",
        },
        "servers": [{"url": "http://sync", "description": "any host: the socket decides"}],
        "paths": paths,
        "components": {"parameters": {"Database": DATABASE}, "schemas": _schemas()},
    }


def _schemas() -> dict[str, Any]:
    models: list[tuple[type[BaseModel], Any]] = [(ErrorReply, "serialization")]
    models += [(each.reply, "serialization") for each in ENDPOINTS if each.reply is not None]
    models += [(each.body, "validation") for each in ENDPOINTS if each.body is not None]
    _, definitions = models_json_schema(list(dict.fromkeys(models)), ref_template=REF)
    return dict(sorted(definitions["$defs"].items()))


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    too_large = (413,) if endpoint.body is not None else ()
    errors = sorted({*too_large, *endpoint.errors, *ALWAYS})
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "responses": {
            "200": {"description": "done", "content": _reply(endpoint)},
            **{
                str(status): {"description": MEANINGS[status], "content": _error(endpoint, status)}
                for status in errors
            },
        },
    }
    parameters: list[dict[str, Any]] = [_parameter(number, "query") for number in endpoint.query]
    if endpoint.place is not None:
        parameters.append(_parameter(endpoint.place, "path"))
    if parameters:
        operation["parameters"] = parameters
    if endpoint.body is not None:
        needed = any(field.is_required() for field in endpoint.body.model_fields.values())
        operation["requestBody"] = {"content": _json(endpoint.body), "required": needed}
    return operation


def _reply(endpoint: Endpoint) -> dict[str, Any]:
    return TEXT if endpoint.reply is None else _json(endpoint.reply)


def _error(endpoint: Endpoint, status: int) -> dict[str, Any]:
    """As the server's library answers before our code sees the request, and as we do."""
    if status == 503 and endpoint.unwell and endpoint.reply is not None:
        either = [_schema(endpoint.reply), _schema(ErrorReply)]
        return {"application/json": {"schema": {"anyOf": either}}}
    return TEXT if status == 413 else _json(ErrorReply)


def _json(model: type[BaseModel]) -> dict[str, Any]:
    return {"application/json": {"schema": _schema(model)}}


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return {"$ref": REF.format(model=model.__name__)}


def _parameter(number: Number, where: str) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "integer", "minimum": number.low, "maximum": number.high}
    if number.default is not None:
        schema["default"] = number.default
    return {
        "name": number.name,
        "in": where,
        "required": where == "path",
        "description": number.meaning,
        "schema": schema,
    }


def curl_examples() -> str:
    """Each request as one line for a shell, as docs/control-api.md shows them."""
    lines = []
    for endpoint in ENDPOINTS:
        method = "" if endpoint.method == "GET" else f" -X {endpoint.method}"
        path = endpoint.target(7)
        query = f"?{endpoint.example_query}" if endpoint.example_query else ""
        url = f"'http://sync{path}{query}'" if query else f"http://sync{path}"
        body = f" -d '{endpoint.example}'" if endpoint.example else ""
        lines.append(f"curl --unix-socket $S{method} {url}{body}")
    return "\n".join(lines)


if __name__ == "__main__":
    print(curl_examples() if "curl" in sys.argv[1:] else json.dumps(document(), indent=2))
