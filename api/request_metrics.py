"""Counts of what the API itself did, and the Prometheus text format for these and for the node's own metrics."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from api.ports import Metric, MetricKind

METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class RequestMetrics:
    """Owns the API's counters; labels are routes and statuses, so their number is bounded."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._seconds: defaultdict[tuple[str, str], float] = defaultdict(float)
        self._transactions: Counter[str] = Counter()

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self._requests[method, route, status] += 1
        self._seconds[method, route] += seconds

    def count_transactions(self, outcome: str, count: int = 1) -> None:
        """Count submitted transactions by what became of them."""
        self._transactions[outcome] += count

    def snapshot(self, streams_open: int) -> list[Metric]:
        """Return the counters as metrics."""
        requests = (
            ((("method", method), ("route", route), ("status", str(status))), float(count))
            for (method, route, status), count in self._requests.items()
        )
        seconds = (
            ((("method", method), ("route", route)), float(value)) for (method, route), value in self._seconds.items()
        )
        transactions = (((("outcome", outcome),), float(count)) for outcome, count in self._transactions.items())
        return [
            _counter("tallystick_http_requests_total", "HTTP requests answered", requests),
            _counter("tallystick_http_request_seconds_total", "Time spent answering HTTP requests", seconds),
            _counter("tallystick_http_transactions_total", "Transactions submitted over HTTP", transactions),
            Metric("tallystick_http_streams", MetricKind.GAUGE, "Event streams open", (((), float(streams_open)),)),
        ]


def _counter(name: str, description: str, samples: Iterable[tuple[tuple[tuple[str, str], ...], float]]) -> Metric:
    return Metric(name, MetricKind.COUNTER, description, tuple(sorted(samples)))


def render_metrics(metrics: Sequence[Metric]) -> str:
    """Return metrics in the Prometheus text format, version 0.0.4."""
    lines: list[str] = []
    for metric in metrics:
        lines.append(f"# HELP {metric.name} {_escape(metric.description)}")
        lines.append(f"# TYPE {metric.name} {metric.kind}")
        for labels, value in metric.samples:
            written = ",".join(f'{name}="{_escape_label(text)}"' for name, text in labels)
            lines.append(
                f"{metric.name}{{{written}}} {_number(value)}" if written else f"{metric.name} {_number(value)}"
            )
    return "\n".join(lines) + "\n"


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _escape_label(text: str) -> str:
    return _escape(text).replace('"', '\\"')
