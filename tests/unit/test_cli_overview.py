"""`tally --help` is quick: it shows what all verbs are for without importing them."""

import subprocess
import sys

import click

from cli.main import GROUPS, SUMMARIES, tally


def test_the_overview_says_what_each_verb_says_of_itself() -> None:
    context = click.Context(tally)
    commands = {name: tally.get_command(context, name) for name in GROUPS}
    own = {name: command.get_short_help_str(1000) for name, command in commands.items() if command is not None}
    assert own == SUMMARIES


def test_the_overview_imports_no_verb() -> None:
    script = (
        "import sys, atexit; atexit.register(lambda: print(*sys.modules)); from cli.main import main; main(['--help'])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    shown, _, modules = done.stdout.rstrip().rpartition("\n")
    assert all(f"  {name} " in shown for name in GROUPS)
    ours = [name for name in modules.split() if name.partition(".")[0] in ("cli", "chain", "tallystick", "aiohttp")]
    assert sorted(ours) == ["cli", "cli.colours", "cli.errors", "cli.examples", "cli.lazy_group", "cli.main"]
