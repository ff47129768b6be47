"""The control endpoints under /simulator/: look at the truth, and make things go wrong."""

import re
from collections.abc import Callable
from typing import TypeAlias

import orjson

from simulator.faults import parse_fault
from simulator.http import Reply, Request, error_reply, json_reply
from simulator.mutations import mutate, parse_mutation
from simulator.options import checked_token
from simulator.problems import InvalidInputError, UnknownIdError
from simulator.rows import JsonObject
from simulator.world import World

PREFIX = "/simulator/"


class Control:
    """Answers control requests; they need no token and meet no fault, pause or limit."""

    def __init__(self, world: World) -> None:
        self._world = world

    def answer(self, request: Request) -> Reply:
        """The reply to a request whose path begins with PREFIX."""
        path = request.path.removeprefix(PREFIX)
        matches = [(match, row) for row in _ROUTES if (match := row[1].fullmatch(path))]
        for match, (method, _, handler) in matches:
            if method == request.method:
                return self._guarded(handler, request, match.groupdict().get("id"))
        if matches:
            allowed = ", ".join(method for _, (method, _, _) in matches)
            return error_reply(405, f"only {allowed} here", ("Allow", allowed))
        return error_reply(404, "no such control endpoint")

    def _guarded(self, handler: "Handler", request: Request, number: str | None) -> Reply:
        try:
            content = orjson.loads(request.body) if request.method == "POST" else number
            return json_reply(handler(self, content))
        except orjson.JSONDecodeError as error:
            return error_reply(400, f"body: is not JSON: {error}")
        except InvalidInputError as error:
            return error_reply(400, str(error))
        except UnknownIdError as error:
            return error_reply(404, str(error))

    def _state(self, _: object) -> object:
        return self._world.summary()

    def _account(self, _: object) -> object:
        return self._world.account.truth()

    def _requests(self, _: object) -> object:
        return [line.as_json() for line in self._world.log.lines()]

    def _forget_requests(self, _: object) -> object:
        self._world.log.forget()
        return {}

    def _add_fault(self, content: object) -> object:
        return {"id": self._world.faults.add(parse_fault(content))}

    def _remove_fault(self, content: object) -> object:
        self._world.faults.remove(int(str(content)))
        return {}

    def _clear_faults(self, _: object) -> object:
        self._world.faults.clear()
        return {}

    def _mutate(self, content: object) -> object:
        return mutate(self._world.account, parse_mutation(content))

    def _set_token(self, content: object) -> object:
        wanted = _token_fields(content)
        token = self._world.token
        token.replace(wanted.get("token", token.value))
        if wanted.get("revoked"):
            token.revoke()
        return {"token_valid": not token.revoked}


Handler: TypeAlias = Callable[[Control, object], object]
_ROUTES: tuple[tuple[str, re.Pattern[str], Handler], ...] = (
    ("GET", re.compile("state"), Control._state),
    ("GET", re.compile("account"), Control._account),
    ("GET", re.compile("requests"), Control._requests),
    ("DELETE", re.compile("requests"), Control._forget_requests),
    ("POST", re.compile("faults"), Control._add_fault),
    ("DELETE", re.compile("faults"), Control._clear_faults),
    ("DELETE", re.compile("faults/(?P<id>[0-9]{1,18})"), Control._remove_fault),
    ("POST", re.compile("mutations"), Control._mutate),
    ("POST", re.compile("token"), Control._set_token),
)


def _token_fields(content: object) -> JsonObject:
    if not isinstance(content, dict) or not content:
        raise InvalidInputError("token", "must be given as a JSON object with token or revoked")
    if unknown := [name for name in content if name not in ("token", "revoked")]:
        raise InvalidInputError(unknown[0], "is neither token nor revoked")
    if not isinstance(content.get("revoked", False), bool):
        raise InvalidInputError("revoked", "must be true or false")
    if "token" in content:
        checked_token(content["token"])
    return content
