"""What faults do to the rows of a list."""

from collections.abc import Callable, Mapping
from itertools import cycle

import orjson

from simulator.fault_book import MetFaults
from simulator.faults import Fault
from simulator.rows import JsonObject

RowEffect = Callable[[Fault, list[bytes]], list[bytes]]

_MARK = "\x00mark"
_ENCODED_MARK = orjson.dumps(_MARK)


def distort_rows(met: MetFaults, rows: list[bytes]) -> list[bytes]:
    """Apply the row faults among `met`; a list without rows spends none of them."""
    for kind, effect in ROW_EFFECTS.items():
        if rows and (fault := met.take(kind)) is not None:
            rows = effect(fault, rows)
    return rows


def _edit(change: Callable[[JsonObject], None], *, replacement: bytes = b"") -> RowEffect:
    """An effect that changes the first `rows` rows, by default all, through their data."""

    def apply(fault: Fault, rows: list[bytes]) -> list[bytes]:
        number = len(rows) if fault.rows is None else fault.rows
        return [_edited(row, change, replacement) for row in rows[:number]] + rows[number:]

    return apply


def _edited(row: bytes, change: Callable[[JsonObject], None], replacement: bytes) -> bytes:
    data: JsonObject = orjson.loads(row)
    change(data)
    return orjson.dumps(data).replace(_ENCODED_MARK, replacement)


def _clear_end(data: JsonObject) -> None:
    if "end_at" in data:
        data["end_at"] = None


def _leave_product_out(data: JsonObject) -> None:
    data.pop("product", None)


def _mark_number(data: JsonObject) -> None:
    data["duration"] = _MARK


def _mark_title(data: JsonObject) -> None:
    data["name" if "name" in data else "title"] = _MARK


def _id_as_text(data: JsonObject) -> None:
    data["id"] = str(data["id"])


def _id_as_null(data: JsonObject) -> None:
    data["id"] = None


def _id_as_boolean(data: JsonObject) -> None:
    data["id"] = True


def _lists_as_objects(data: JsonObject) -> None:
    data.update({name: {"0": value} for name, value in data.items() if isinstance(value, list)})


_MISTYPINGS = (_id_as_text, _id_as_null, _id_as_boolean, _lists_as_objects)


def _wrong_types(fault: Fault, rows: list[bytes]) -> list[bytes]:
    """Every second row is mistyped, each in the next way; `rows` limits their number."""
    result, ways = list(rows), cycle(_MISTYPINGS)
    for position in list(range(0, len(rows), 2))[: fault.rows]:
        result[position] = _edited(rows[position], next(ways), b"")
    return result


def _anonymous_bugs(fault: Fault, rows: list[bytes]) -> list[bytes]:
    """Bugs, of one test or of all, do not say whose they are: the API need not."""

    def change(data: JsonObject) -> None:
        if fault.test_id in (None, data.get("test", {}).get("id")):
            data.pop("test", None)

    return [_edited(row, change, b"") for row in rows]


def _omit_rows(fault: Fault, rows: list[bytes]) -> list[bytes]:
    return rows[fault.rows or 0 :]


def _repeat_rows(fault: Fault, rows: list[bytes]) -> list[bytes]:
    return rows + rows[: fault.rows]


def _id_left_out(data: JsonObject) -> None:
    del data["id"]


def _id_set_to(change: Callable[[int], object]) -> Callable[[JsonObject], None]:
    def apply(data: JsonObject) -> None:
        data["id"] = change(data["id"])

    return apply


_ODD_IDS: tuple[tuple[Callable[[JsonObject], None], bytes], ...] = (
    (_id_left_out, b""),
    (_id_set_to(lambda number: -number), b""),
    (_id_set_to(lambda _: _MARK), str(2**70).encode()),
    (_id_set_to(lambda _: 0), b""),
    (_id_set_to(lambda number: number + 0.5), b""),
    (_id_set_to(lambda _: _MARK), str(2**63).encode()),
)


def _odd_ids(fault: Fault, rows: list[bytes]) -> list[bytes]:
    """Every second row has another id, each in the next way; `rows` limits their number."""
    result, ways = list(rows), cycle(_ODD_IDS)
    for position in list(range(0, len(rows), 2))[: fault.rows]:
        result[position] = _edited(rows[position], *next(ways))
    return result


def _nested(fault: Fault, rows: list[bytes]) -> list[bytes]:
    depth, number = fault.depth or 1, fault.rows or 0
    value = b"[" * depth + b"]" * depth
    return [row[:-1] + b',"nested":' + value + b"}" for row in rows[:number]] + rows[number:]


def _duplicate_keys(fault: Fault, rows: list[bytes]) -> list[bytes]:
    """Before each key of such a row it stands once more, with another value."""
    number = fault.rows or 0
    wrong = b'{"id":1,"name":"wrong","title":"wrong","end_at":null,'
    return [wrong + row[1:] for row in rows[:number]] + rows[number:]


ROW_EFFECTS: Mapping[str, RowEffect] = {
    "anonymous_bugs": _anonymous_bugs,
    "omit_rows": _omit_rows,
    "repeat_rows": _repeat_rows,
    "odd_ids": _odd_ids,
    "wrong_types": _wrong_types,
    "null_end_dates": _edit(_clear_end),
    "no_product": _edit(_leave_product_out),
    "nan": _edit(_mark_number, replacement=b"NaN"),
    "nested": _nested,
    "duplicate_keys": _duplicate_keys,
    "surrogate": _edit(_mark_title, replacement=rb'"half a smile \ud83d"'),
}
