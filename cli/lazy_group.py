"""A command whose verbs are imported only when they are asked for, so that each of them starts quickly."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

Verbs = Mapping[str, tuple[str, str]]
"""Verb, its module, and the name of its command there."""


class LazyGroup(click.Group):
    """A group with verbs that are imported when they are used, beside those that are there from the start."""

    def __init__(self, *arguments: Any, lazy: Verbs, **others: Any) -> None:
        super().__init__(*arguments, **others)
        self._lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all verbs."""
        return sorted([*self._lazy, *super().list_commands(ctx)])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a verb, or None if there is no such one."""
        if cmd_name not in self._lazy:
            return super().get_command(ctx, cmd_name)
        module, name = self._lazy[cmd_name]
        command: click.Command = getattr(import_module(module), name)
        return command
