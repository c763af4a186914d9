"""The only file that knows Dask: hands ranges of an audit to the workers of a scheduler.

Dask itself gives the ranges of a worker that died to others. Workers need Tallystick installed, and the source and
the folder of snapshots under the same name.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from distributed import Client
from distributed.scheduler import KilledWorker

from audit.mismatch import Level, SourceUnreadable
from audit.ranges import Border, ExecutedRange, LightRange, check_executed, check_light
from chain.genesis import Genesis, decode_genesis
from cli.audit_sources import opened

CONNECT_SECONDS: Final = 15


class DaskWorkers:
    """Implements audit.whole.Workers; owns the connection to a scheduler."""

    def __init__(self, address: str, source: str, on_range: Callable[[int, int], None]) -> None:
        """Connect.

        Raises:
            SourceUnreadable: when no scheduler answers.
        """
        self._source = source
        self._on_range = on_range
        try:
            connect: Any = Client  # which has no types
            self._client = connect(address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            raise SourceUnreadable(f"no Dask scheduler answers at {address}: {error}") from error

    def light(self, ranges: Sequence[tuple[int, int]], level: Level) -> Iterator[LightRange]:
        """Check ranges without a state; yield what was found in the order of the ranges."""
        return self._results(light_range, [(self._source, first, last, level) for first, last in ranges])

    def executed(
        self, ranges: Sequence[tuple[Border | None, int]], head_height: int, invariants_every: int
    ) -> Iterator[ExecutedRange]:
        """Run the contracts behind each border up to a height; yield what was found in the order of the ranges."""
        tasks = [(self._source, border, last, head_height, invariants_every) for border, last in ranges]
        return self._results(executed_range, tasks)

    def close(self) -> None:
        """Disconnect."""
        self._client.close()

    def _results(self, function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
        futures = [self._client.submit(function, *task, pure=False) for task in tasks]
        for number, future in enumerate(futures, 1):
            try:
                result = future.result()
            except KilledWorker as error:
                raise SourceUnreadable(f"one range has ended several workers: {error}") from error
            self._on_range(number, len(futures))
            yield result


def light_range(source: str, first: int, last: int, level: Level) -> LightRange:
    """Check a range without a state, on a worker."""
    with opened(source) as found:
        return check_light(found.source, _genesis(found.source.genesis()), first, last, level)


def executed_range(
    source: str, border: Border | None, last: int, head_height: int, invariants_every: int
) -> ExecutedRange:
    """Run the contracts of a range, on a worker."""
    with opened(source) as found:
        genesis = _genesis(found.source.genesis())
        return check_executed(found.source, genesis, border, last, head_height, invariants_every, found.state)


def _genesis(data: bytes) -> Genesis:
    # Whoever made the ranges has read it before.
    return decode_genesis(data)
