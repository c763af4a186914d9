"""Observes programs for a fleet: one JSON line in, one JSON line out, until the input ends.

Started by `fleet.py` under any Python, with any options. It needs the engine and msgpack, nothing else.
"""

import json
import sys
import traceback
import warnings

from observe import Program, observe

from contracts.engine.runtime import Engine


def main() -> None:
    """Answer each program with what it did, or with the exception that must not have happened."""
    # One ship has a new engine for each program: what an engine keeps must not be seen either.
    engine = None if "--fresh" in sys.argv else Engine(spare_tokens_max=40_000)
    for line in sys.stdin:
        program = Program(**json.loads(line))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                answer = {"seen": observe(program, engine)}
            except BaseException:  # noqa: BLE001
                # Whatever it is, it is a finding, and the fleet has to learn of it.
                answer = {"seen": [["exception", traceback.format_exc(limit=-4)]]}
        if caught:
            answer["seen"].append(["warning", str(caught[0].message)])
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
