"""One input, one law: any bytes are refused at a place by a rule, or compile to code that the second opinions pass.

The input of atheris (`fuzz_compiler.py`) and of the short run without it. Bytes become text as a ledger would decode
them; what is no UTF-8 is also tried as text that holds surrogates.
"""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from laws import Broken, check_source
from mutation import mutated, tokens_of

from chain.runtime import LocalFault
from contracts.engine.binding import bind
from contracts.engine.compiler import compile_contract
from contracts.engine.gas import CURRENT
from contracts.engine.run import Run

SEEDS = Path(__file__).with_name("seeds")
BYTES_CHANGED_SHARE = 0.2


def check_bytes(data: bytes) -> bool:
    """Hold one input against the law; return whether it is a contract.

    Raises:
        Broken: when the law does not hold.
    """
    source = data.decode("utf-8", "surrogateescape")
    if check_source(source) is not None:
        return False
    try:
        bind(compile_contract(source), Run(CURRENT), lambda: None)
    except LocalFault as fault:
        raise Broken(f"the check of the code: {fault}") from fault
    return True


def seeds() -> list[bytes]:
    """Return the seeds that are kept, by their names."""
    return [path.read_bytes() for path in sorted(SEEDS.glob("*.txt"))]


def changed(data: Sequence[bytes], count: int, seed: int) -> Iterator[bytes]:
    """Return inputs near the seeds: tokens exchanged, and now and then single bytes."""
    sources = [piece.decode("utf-8", "replace") for piece in data]
    pool = tokens_of(sources)
    for number in range(count):
        chance = random.Random(seed * 1_000_003 + number)
        found = mutated(chance.choice(sources), pool, chance).encode("utf-8", "surrogatepass")
        if found and chance.random() < BYTES_CHANGED_SHARE:
            place = chance.randrange(len(found))
            found = found[:place] + bytes([chance.randrange(256)]) + found[place + chance.randint(0, 1) :]
        yield found
