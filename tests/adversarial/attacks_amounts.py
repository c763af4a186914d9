"""Programs that turn on amounts, times, counters, cursors and signatures: the built-ins with rules of their own."""

from collections.abc import Mapping
from typing import Final

from attacks import Group, method, value

GROUPS: Final[Mapping[str, Group]] = {
    "amounts, times, counters, cursors": Group(
        "have rounding, a calendar, a cursor or a signature mean two things, or cost more than is paid for",
        refused={
            "computed rounding": (method('r = "floor"\nx = div(1, 2, r)'), "arguments"),
            "unknown rounding": (value('div(1, 2, "nearest")'), "arguments"),
            "no rounding": (value("div(1, 2)"), "arguments"),
            "rounding by number": (value("div(1, 2, 3)"), "arguments"),
            "two roundings": (value('div(1, 2, "floor", rounding="ceil")'), "arguments"),
            "counter set": (method("c.value = 5", before="c = Counter()\n"), "counter"),
            "counter set back": (method('del c["x"]', before="c = Counter(str)\n"), "counter"),
            "counter in a view": ("c = Counter()\n@view\ndef attack() -> int:\n    return c.next()\n", "view"),
            "page without a cursor": (value("m.page(limit=1)", before="m = Map(str, int)\n"), "scan"),
            "clock": (value("now()"), "unknown_name"),
            "popped from a copy": (value('m["a"].pop()', before="m = Map(str, list[int])\n"), "lost_change"),
        },
        stopped={
            "division by zero that rounds": (value('div(1, 0, "half_even")'), "contract_error"),
            "exact division with a remainder": (value('div(7, 2, "exact")'), "contract_error"),
            "exact division": (value('div(8, 2, "exact")'), "ok"),
            "division of text": (value('div("7", 2, "floor")'), "contract_error"),
            "points of True": (value('basis_points_of(True, 2, "floor")'), "contract_error"),
            "too many places": (value("format_amount(1, 77)"), "contract_error"),
            "negative places": (value('rescale(1, -1, 2, "floor")'), "contract_error"),
            "amount of a number": (value("parse_amount(1, 2)"), "contract_error"),
            "amount that grows": (value('rescale(2 ** 200, 0, 76, "floor")'), "contract_error"),
            "huge compound": (value('compound_rate(2 ** 250, 1, 2 ** 60, "floor")'), "contract_error"),
            "compound of zeros without end": (value('compound_rate(0, 1, 10 ** 9, "floor")'), "contract_error"),
            "compound that grows": (value('compound_rate(3, 1, 300, "floor")'), "contract_error"),
            "compound without end": (
                method('while True:\n    x = compound_rate(2 ** 64 - 1, 2 ** 64 - 3, 1024, "half_even")'),
                "out_of_gas",
            ),
            "time before the calendar": (value("format_time(-(10 ** 15))"), "contract_error"),
            "time behind the calendar": (value("time_parts(253402300800000)"), "contract_error"),
            "months without end": (value("add_months(0, 10 ** 70)"), "contract_error"),
            "30 February": (value("time_from_parts(2026, 2, 30)"), "contract_error"),
            "hour 24": (value("time_from_parts(2026, 2, 3, 24)"), "contract_error"),
            "time of bytes": (value('parse_time(b"2026-01-01")'), "contract_error"),
            "time of a long text": (value('parse_time("2026-01-01" * 6000)'), "ok"),
            "signature of text": (value('verify_ed25519("k", "m", "s")'), "contract_error"),
            "signatures without end": (
                method('k = b"\\xff" * 32\ns = b"s" * 64\nwhile True:\n    x = verify_ed25519(k, k, s)'),
                "out_of_gas",
            ),
            "large message": (value('verify_ed25519(b"k" * 32, b"m" * 65536, b"s" * 64)'), "ok"),
            "numbers without end": (
                method("while True:\n    x = c.next()", before="c = Counter()\n"),
                "out_of_gas",
            ),
            "wide page": ("m = Map(str, int)\n" + method('x, y = m.page(limit=10 ** 9, cursor="")'), "contract_error"),
            "forged cursor": (
                "m = Map(str, int)\n" + method('x, y = m.page(limit=1, cursor="00ff")'),
                "invalid_arguments",
            ),
            "cursor of a number": (
                "m = Map(str, int)\n" + method("x, y = m.page(limit=1, cursor=1)"),
                "contract_error",
            ),
            "cursor of another map": (
                "m = Map(str, int)\nn = Map(int, int)\n"
                + method('n[1] = 1\nn[2] = 1\ny, c = n.page(limit=1, cursor="")\nx, z = m.page(limit=1, cursor=c)'),
                "invalid_arguments",
            ),
        },
    ),
}
