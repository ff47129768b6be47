"""What faults do to a reply as a whole, and to the way it is sent."""

import gzip
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace

from simulator.fault_book import MetFaults
from simulator.faults import Fault
from simulator.http import Reply, error_reply

GARBAGE = b"<!doctype html><title>Back soon</title><p>We are moving some furniture."
BLOCK = b" " * 2**20
GATEKEEPER_TITLES = {
    403: "Attention Required! | Cloudflare",
    524: "api.test.io | 524: A timeout occurred",
}
GATEKEEPER_PAGE = (
    '<!DOCTYPE html>\n<html lang="en-US">\n<head>\n<title>{title}</title>\n'
    '<meta charset="UTF-8" />\n</head>\n<body>\n<div id="cf-wrapper"><h1>{title}</h1>\n'
    "<p>{padding}</p></div>\n</body>\n</html>\n"
)

ReplyEffect = Callable[[Fault, Reply], Reply]


def distort_reply(met: MetFaults, true_reply: Callable[[], Reply]) -> Reply:
    """The reply after the faults among `met`.

    Replacements and cuts are alternatives, of which one request meets the oldest; the true
    reply is not even made where a replacement stands in for it.
    """
    chosen = met.take(*REPLACEMENTS, *CUTS)
    if chosen is not None and chosen.kind in REPLACEMENTS:
        reply = REPLACEMENTS[chosen.kind](chosen)
    else:
        reply = true_reply()
    for kind, effect in ADDITIONS.items():
        if (fault := met.take(kind)) is not None:
            reply = effect(fault, reply)
    if chosen is not None and chosen.kind in CUTS:
        reply = CUTS[chosen.kind](chosen, reply)
    return reply


def _status(fault: Fault) -> Reply:
    status = fault.status or 500
    waits = () if fault.retry_after is None else (("Retry-After", fault.retry_after),)
    if fault.body is None:
        return error_reply(status, "this answer was asked for", *waits)
    return Reply(status=status, body=fault.body.encode(), headers=waits)


def gatekeeper_reply(status: int) -> Reply:
    """A page of HTML by which a gatekeeper in front of the API answers for itself."""
    title = GATEKEEPER_TITLES.get(status, f"api.test.io | {status}: Web server is down")
    page = GATEKEEPER_PAGE.format(title=title, padding="What happened? " * 300)
    return Reply(status=status, body=page.encode(), content_type="text/html; charset=UTF-8")


def _gatekeeper(fault: Fault) -> Reply:
    return gatekeeper_reply(fault.status or 403)


def _garbage(_: Fault) -> Reply:
    return Reply(body=GARBAGE, content_type="text/html; charset=utf-8")


def _redirect(fault: Fault) -> Reply:
    return Reply(status=fault.status or 302, headers=(("Location", fault.location or ""),))


def _reset(fault: Fault, reply: Reply) -> Reply:
    manner = replace(reply.manner, reset=True, cut_after=fault.after_bytes)
    return replace(reply, manner=manner)


def _truncate(fault: Fault, reply: Reply) -> Reply:
    longest = max(len(reply.body) + reply.manner.padding - 1, 0)
    wanted = longest // 2 if fault.after_bytes is None else fault.after_bytes
    return replace(reply, manner=replace(reply.manner, cut_after=min(wanted, longest)))


def _hang(_: Fault, reply: Reply) -> Reply:
    return replace(reply, manner=replace(reply.manner, hang=True))


def _bad_envelope(fault: Fault, reply: Reply) -> Reply:
    # The rows may hold what no strict parser takes, so this works on the bytes.
    key, _, content = reply.body.removesuffix(b"}").partition(b":")
    shapes = {
        "list": content,
        "renamed": b'{"data":' + content + b"}",
        "null": key + b":null}",
        "object": key + b':{"rows":' + content + b"}}",
    }
    return replace(reply, body=shapes[fault.shape or "list"])


def _invalid_json(_: Fault, reply: Reply) -> Reply:
    return replace(reply, body=reply.body[:-1] + b",")


def _bom(_: Fault, reply: Reply) -> Reply:
    return replace(reply, body=b"\xef\xbb\xbf" + reply.body)


def _content_type(fault: Fault, reply: Reply) -> Reply:
    return replace(reply, content_type=fault.content_type or "")


def _huge(fault: Fault, reply: Reply) -> Reply:
    padding = max((fault.bytes or 0) - len(reply.body), 0)
    return replace(reply, manner=replace(reply.manner, padding=padding))


def _overlong(fault: Fault, reply: Reply) -> Reply:
    return replace(reply, manner=replace(reply.manner, surplus=fault.bytes or 0))


def _sent_twice(_: Fault, reply: Reply) -> Reply:
    return replace(reply, manner=replace(reply.manner, twice=True))


def _charset(fault: Fault, reply: Reply) -> Reply:
    name = fault.charset or ""
    body = reply.body.decode().encode(name, "replace")
    return replace(reply, body=body, content_type=f"application/json; charset={name}")


def _gzip_bomb(fault: Fault, reply: Reply) -> Reply:
    packed = _packed(reply.body, max((fault.bytes or 0) - len(reply.body), 0))
    layers = fault.layers or 1
    for _ in range(layers - 1):
        packed = gzip.compress(packed, 1)
    encoding = ("Content-Encoding", ", ".join(["gzip"] * layers))
    return replace(reply, body=packed, headers=(*reply.headers, encoding))


def _packed(body: bytes, padding: int) -> bytes:
    """The gzip form of `body` followed by `padding` spaces."""
    blocks, rest = divmod(padding, len(BLOCK))
    packer = zlib.compressobj(level=9, wbits=-zlib.MAX_WBITS)
    start = packer.compress(body + BLOCK[:rest]) + packer.flush(zlib.Z_FULL_FLUSH)
    # After a full flush the packer remembers nothing, so one packed block serves for all.
    block = packer.compress(BLOCK) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = zlib.crc32(body + BLOCK[:rest])
    for _ in range(blocks):
        checksum = zlib.crc32(BLOCK, checksum)
    size = (len(body) + padding) % 2**32
    trailer = checksum.to_bytes(4, "little") + size.to_bytes(4, "little")
    header = b"\x1f\x8b\x08" + bytes(6) + b"\xff"
    return header + start + block * blocks + packer.flush() + trailer


def _slow(fault: Fault, reply: Reply) -> Reply:
    delay = reply.manner.delay_seconds + (fault.seconds or 0)
    return replace(reply, manner=replace(reply.manner, delay_seconds=delay))


def _interim(fault: Fault, reply: Reply) -> Reply:
    return replace(reply, manner=replace(reply.manner, interim=fault.code))


def slowed_by_rows(fault: Fault, rows: int, reply: Reply) -> Reply:
    """The reply after as long as that many rows take, or that of a gatekeeper who gave up."""
    seconds, limit = rows * (fault.seconds or 0), fault.gives_up
    if limit is not None and seconds > limit:
        seconds, reply = limit, gatekeeper_reply(524)
    delay = reply.manner.delay_seconds + seconds
    return replace(reply, manner=replace(reply.manner, delay_seconds=delay))


def _drip(fault: Fault, reply: Reply) -> Reply:
    return replace(reply, manner=replace(reply.manner, byte_seconds=fault.seconds))


def _endless_head(fault: Fault, reply: Reply) -> Reply:
    return replace(reply, manner=replace(reply.manner, endless_head=fault.seconds))


def _chunked(fault: Fault, reply: Reply) -> Reply:
    return replace(reply, manner=replace(reply.manner, chunks=fault.defect))


def _hang_up(fault: Fault, reply: Reply) -> Reply:
    manner = replace(reply.manner, hang_up_after=fault.seconds, half=bool(fault.half))
    return replace(reply, manner=manner)


REPLACEMENTS: Mapping[str, Callable[[Fault], Reply]] = {
    "status": _status,
    "garbage": _garbage,
    "gatekeeper": _gatekeeper,
    "redirect": _redirect,
}
"""Faults whose reply stands in for the true one."""
ADDITIONS: Mapping[str, ReplyEffect] = {
    "bad_envelope": _bad_envelope,
    "invalid_json": _invalid_json,
    "bom": _bom,
    "content_type": _content_type,
    "charset": _charset,
    "huge": _huge,
    "overlong": _overlong,
    "sent_twice": _sent_twice,
    "gzip_bomb": _gzip_bomb,
    "slow": _slow,
    "interim": _interim,
    "drip": _drip,
    "hang_up": _hang_up,
}
"""Faults that change a reply, in the order in which they are applied."""
CUTS: Mapping[str, ReplyEffect] = {
    "reset": _reset,
    "truncate": _truncate,
    "hang": _hang,
    "endless_head": _endless_head,
    "chunked": _chunked,
}
"""Faults that keep a reply from arriving whole; applied last."""
