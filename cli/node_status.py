"""One node's condition in lines that people read."""

from typing import Any


def status_lines(document: dict[str, Any]) -> list[str]:
    """Return what GET /v1/network tells of a node."""
    node = document["node"]
    role = f"validator {node['validator']}" if node["validator"] else "observer"
    lines = [
        f"{node['name']} ({role}) of {document['name']}, program {node['version']}",
        f"  height   {node['height']}, view {node['view']}, primary {node['primary'] or '-'}",
        f"  ready    {'yes' if node['ready'] else 'no'}",
    ]
    lines += [f"           {reason}" for reason in node["not_ready_reasons"]]
    connected = [peer for peer in node["peers"] if peer["connected"]]
    lines.append(f"  peers    {len(connected)} of {len(node['peers'])} connected")
    if node["catch_up"] is not None:
        lines += _catch_up_lines(node["catch_up"])
    lines += _lacking_lines(node["lacking"])
    lines += [f"  walls    missing around {line}" for line in node["walls_missing"]]
    lines += [f"  note     {notice}" for notice in node["notices"]]
    return lines


def duration(seconds: float) -> str:
    """Return a time as hours, minutes and seconds."""
    whole = round(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def _catch_up_lines(catch_up: dict[str, Any]) -> list[str]:
    parts = [f"{catch_up['phase']}: height {catch_up['height']} of {catch_up['target'] or '?'}"]
    if catch_up["unit"]:
        parts.append(f"{catch_up['done']:,} of {catch_up['total']:,} {catch_up['unit']}")
    if catch_up["per_second"] is not None:
        parts.append(f"{catch_up['per_second']:,.0f} {catch_up['unit']} a second")
    if catch_up["remaining_seconds"] is not None:
        parts.append(f"{duration(catch_up['remaining_seconds'])} left")
    lines = [f"  catch-up {', '.join(parts)}"]
    sources = ", ".join(catch_up["sources"]) or "nobody can be asked right now"
    lines.append(f"           from {sources}")
    lines += [f"           not asking {entry['peer']}: {entry['reason']}" for entry in catch_up["set_aside"]]
    return lines


def _lacking_lines(lacking: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    if lacking["blocks"]:
        stretches = ", ".join(f"{item['first']} to {item['last']}" for item in lacking["blocks"])
        lines.append(f"  lacks    blocks and receipts {stretches}")
    if lacking["versions_until"] is not None:
        lines.append(f"  lacks    versions of keys that were replaced up to block {lacking['versions_until']}")
    return lines
