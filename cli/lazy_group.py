"""A command whose verbs are imported only when they are asked for, so that each of them starts quickly."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from cli.examples import with_examples

Verbs = Mapping[str, tuple[str, str]]
"""Verb, its module, and the name of its command there."""


class LazyGroup(click.Group):
    """A group with verbs that are imported when they are used, beside those that are there from the start."""

    def __init__(self, *arguments: Any, lazy: Verbs, summaries: Mapping[str, str] | None = None, **others: Any) -> None:
        """`summaries` are what the overview says of verbs, which are then not imported for it."""
        super().__init__(*arguments, **others)
        self._lazy = lazy
        self._summaries = summaries or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all verbs."""
        return sorted([*self._lazy, *super().list_commands(ctx)])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a verb, or None if there is no such one."""
        if cmd_name not in self._lazy:
            return super().get_command(ctx, cmd_name)
        module, name = self._lazy[cmd_name]
        command: click.Command = getattr(import_module(module), name)
        return with_examples(command, cmd_name if ctx.parent is None else f"{self.name} {cmd_name}")

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the overview of all verbs."""
        names = self.list_commands(ctx)
        if not self._summaries:
            super().format_commands(ctx, formatter)
            return
        assert set(names) == set(self._summaries), "each verb has a summary"
        width = formatter.width - 6 - max(map(len, names))
        with formatter.section("Commands"):
            stand_ins = (click.Command(name, help=self._summaries[name]) for name in names)
            formatter.write_dl([(str(verb.name), verb.get_short_help_str(width)) for verb in stand_ins])
