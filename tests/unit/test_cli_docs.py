"""Every command, setting and setting's sample is documented, and the sample configuration can be used."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from chain.mempool import MempoolLimits
from cli.main import tally
from cli.story import make_down
from configs.node_config import AccessConfig, CatchUpConfig, ConfigError, load_node_config

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "configs" / "node.sample.toml"


def leaf_commands(command: click.Command, name: str) -> Iterator[str]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            assert found is not None
            yield from leaf_commands(found, f"{name} {child}")
    else:
        yield name


def test_every_command_is_documented_and_every_documented_command_exists() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    documented = {re.sub(r" [A-Z]+$", "", name) for name in re.findall(r"^\| `(tally [^`]+)` \|", page, re.MULTILINE)}
    assert documented == set(leaf_commands(tally, "tally"))


def test_every_command_says_what_it_does() -> None:
    def check(command: click.Command) -> None:
        assert command.help, command.name
        for parameter in command.params:
            if isinstance(parameter, click.Option) and parameter.name not in ("folder", "help"):
                assert parameter.help, f"{command.name} {parameter.name}"
        if isinstance(command, click.Group):
            context = click.Context(command)
            for child in command.list_commands(context):
                found = command.get_command(context, child)
                assert found is not None
                check(found)

    check(tally)


def test_every_command_shows_examples_that_it_takes() -> None:
    lines = 0
    for name in leaf_commands(tally, "tally"):
        shown = CliRunner().invoke(tally, [*name.split()[1:], "--help"]).output
        assert "Example" in shown, name
        joined = re.sub(r"\\\n\s*", "", shown.partition("Example")[2])
        for line in re.findall(r"^ +(tally .+)$", joined, re.MULTILINE):
            lines += 1
            words = shlex.split(line.partition(" > ")[0])[1:]
            command: click.Command = tally
            context = click.Context(tally, info_name="tally")
            while isinstance(command, click.Group):
                word = words.pop(0)
                found = command.get_command(context, word)
                assert found is not None, line
                command, context = found, click.Context(found, context, word)
            given, left, _ = command.make_parser(context).parse_args(words)
            assert not left, f"{line}: too many arguments"
            for parameter in command.params:
                assert not parameter.required or given.get(parameter.name) or parameter.default, f"{line}: {parameter}"
                value = given.get(parameter.name)
                if isinstance(value, str) and isinstance(parameter.type, click.Choice):
                    parameter.type.convert(value, parameter, context)
    assert lines >= 70


def test_the_sample_configuration_names_every_setting_with_its_default() -> None:
    document = tomllib.loads(SAMPLE.read_text(encoding="utf-8"))
    config = load_node_config(SAMPLE)
    assert config.name == document["name"] == "node1"
    assert set(document["mempool"]) == {"transactions_max", "bytes_max", "organisation_share_percent"}
    assert config.mempool == MempoolLimits()
    assert config.catch_up == CatchUpConfig()
    assert set(document["catch_up"]) == {field.name for field in fields(CatchUpConfig)}
    assert (config.observer, config.observers) == (False, SAMPLE.parent.resolve() / document["observers"])
    optional = {
        "observer",
        "observers",
        "log_file",
        "log_bytes_max",
        "log_files_max",
        "verifier_processes",
        "require_walls",
        "store_cache_bytes",
        "index",
        "access",
    }
    required = {"name", "genesis", "data", "api", "peer", "peers", "keys", "mempool", "catch_up"}
    assert set(document) == optional | required
    assert config.access == AccessConfig(), "the sample lets everybody read, and names the rest in comments"
    assert all(f"# {field.name} = " in SAMPLE.read_text(encoding="utf-8") for field in fields(AccessConfig))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (('name = "node1"', "name = 1"), "name: text"),
        (('api = "127.0.0.1:7700"', 'api = "nowhere"'), "api: 'nowhere' is not of the form host:port"),
        (('api = "127.0.0.1:7700"', 'api = "host:99999"'), "is not of the form host:port"),
        (("verifier_processes = 1", "verifier_processes = -1"), "verifier_processes: an integer of at least 0"),
        (("verifier_processes = 1", "verifier_processes = true"), "verifier_processes: an integer"),
        (("require_walls = false", "require_walls = 1"), "require_walls: true or false"),
        (("[mempool]", "[mempool]\nsize = 1"), "mempool: a table with some of"),
        (("observer = false", "observer = 0"), "observer: true or false"),
        (('observers = "../observers"', "observers = 7"), "observers: text"),
        (("snapshot_after_blocks = 10000", "snapshot_after_blocks = -1"), "catch_up.snapshot_after_blocks: an integer"),
        (("back_fill = true", "back_fill = 1"), "catch_up.back_fill: true or false"),
        (("[catch_up]", "[catch_up]\nspeed = 1"), "catch_up: a table with some of"),
        (("transactions_max = 50000", "transactions_max = 0"), "mempool.transactions_max: a positive integer"),
        (('name = "node1"', 'name = "node1"\nsecret = 1'), "unknown field secret"),
        (('data = "."', ""), "field data is missing"),
        (('name = "node1"', "name = "), "Invalid value"),
    ],
)
def test_a_bad_configuration_is_refused_with_file_and_field(
    tmp_path: Path, change: tuple[str, str], expected: str
) -> None:
    path = tmp_path / "node.toml"
    text = SAMPLE.read_text(encoding="utf-8")
    assert change[0] in text
    path.write_text(text.replace(*change, 1), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_node_config(path)
    assert str(path) in str(caught.value)
    assert expected in str(caught.value)


def test_the_way_to_stop_a_cluster_names_its_folder() -> None:
    assert make_down(Path(".tally")) == "make down"
    assert make_down(Path("/srv/trial")) == "make down DIR=/srv/trial"
