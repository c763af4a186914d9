"""Where commands take their ledger from: flags, environment, the project's file, the user's file."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.errors import CliError
from cli.main import tally
from cli.profile import Profile, load_profile
from tallystick import ReaderAccess

HASH = "ab" * 32


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    """Return a folder deep in a project, and the home of its user."""
    project, home = tmp_path / "project" / "deep", tmp_path / "home"
    project.mkdir(parents=True)
    (home / ".config" / "tally").mkdir(parents=True)
    return project, home


def write(places: tuple[Path, Path], project: str = "", user: str = "") -> None:
    (places[0].parent / "tally.toml").write_text(project, encoding="utf-8")
    (places[1] / ".config" / "tally" / "config.toml").write_text(user, encoding="utf-8")


def loaded(places: tuple[Path, Path], flags: Mapping[str, object] | None = None, **environment: str) -> Profile:
    return load_profile(dict(flags or {}), {"HOME": str(places[1]), **environment}, places[0])


def test_without_settings_there_is_the_local_cluster(places: tuple[Path, Path]) -> None:
    assert loaded(places) == Profile((), Path(".tally"), None, None)


def test_each_place_goes_before_the_next(places: tuple[Path, Path]) -> None:
    write(places, 'url = "http://project"\nas = "project"', 'url = ["http://user"]\nas = "user"')
    assert loaded(places) == Profile(("http://project",), Path(".tally"), None, "project")
    variables = {"TALLY_URL": "http://a http://b", "TALLY_AS": "me"}
    assert loaded(places, {}, **variables) == Profile(("http://a", "http://b"), Path(".tally"), None, "me")
    flags = {"url": ("http://flag",)}
    assert loaded(places, flags, TALLY_AS="me") == Profile(("http://flag",), Path(".tally"), None, "me")
    assert loaded(places, {"dir": Path("here")}, **variables).urls == ()
    write(places, 'as = "project"', 'url = ["http://user"]\nas = "user"')
    assert loaded(places) == Profile(("http://user",), Path(".tally"), None, "project")


def test_a_folder_is_relative_to_its_file(places: tuple[Path, Path]) -> None:
    write(places, 'dir = "ledger"')
    assert loaded(places).folder == places[0].parent / "ledger"


def test_a_hash_is_not_lent_to_another_ledger(places: tuple[Path, Path]) -> None:
    write(places, f'url = "http://project"\ngenesis_hash = "{HASH}"', f'genesis_hash = "{"cd" * 32}"')
    assert loaded(places).genesis_hash == HASH
    assert loaded(places, {"url": ("http://flag",)}).genesis_hash is None
    assert loaded(places, TALLY_URL="http://a").genesis_hash is None
    assert loaded(places, {"url": ("http://flag",)}, TALLY_GENESIS_HASH=HASH).genesis_hash is None
    assert loaded(places, {"genesis_hash": "ef" * 32}).genesis_hash == "ef" * 32
    assert loaded(places, TALLY_GENESIS_HASH="ef" * 32).genesis_hash == "ef" * 32


def test_what_a_reader_shows_is_not_lent_to_another_ledger(places: tuple[Path, Path]) -> None:
    (places[0].parent / "token").write_text("a-reader's-token\n", encoding="utf-8")
    write(places, 'url = "https://project"\ntoken_file = "token"\ncertificate = "me.pem"\nnode_ca = "nodes.pem"')
    folder = str(places[0].parent)
    assert loaded(places).access == ReaderAccess("a-reader's-token", f"{folder}/me.pem", None, f"{folder}/nodes.pem")
    assert loaded(places, TALLY_TOKEN="mine").access.token == "mine"
    assert loaded(places, {"token_file": f"{folder}/token"}, TALLY_TOKEN="mine").access.token == "a-reader's-token"
    assert loaded(places, {"url": ("http://flag",)}, TALLY_TOKEN="mine").access == ReaderAccess()
    assert loaded(places, TALLY_URL="http://a", TALLY_CERTIFICATE_KEY="k").access == ReaderAccess(certificate_key="k")
    assert "mine" not in repr(loaded(places, TALLY_TOKEN="mine"))
    for content in ("", "two words"):
        (places[0].parent / "token").write_text(content, encoding="utf-8")
        with pytest.raises(CliError, match="a token is expected"):
            loaded(places)


def test_a_place_lends_its_signer_to_no_other_ledger(places: tuple[Path, Path]) -> None:
    production = '[profiles.production]\nurl = "http://far"\n'
    write(places, f'dir = "here"\nas = "local.ops"\n{production}', 'as = "me.key"')
    assert loaded(places).party == "local.ops"
    assert loaded(places, {"profile": "production"}).party is None
    assert loaded(places, {"url": ("http://flag",)}).party == "me.key"
    assert loaded(places, {"url": ("http://flag",)}, TALLY_URL="http://a", TALLY_AS="me").party == "me.key"
    write(places, f'as = "local.ops"\n{production}as = "far.ops"')
    assert (loaded(places).party, loaded(places, {"profile": "production"}).party) == ("local.ops", "far.ops")
    write(places, f'as = "local.ops"\n{production}')
    assert loaded(places, TALLY_PROFILE="production").party is None
    assert loaded(places, {"profile": "production"}, TALLY_AS="me").party == "me"
    # A profile that says no more than who signs is for whatever ledger is named elsewhere.
    write(places, 'dir = "here"\nas = "local.ops"\n[profiles.admin]\nas = "local.admin"')
    assert loaded(places, {"profile": "admin"}) == Profile((), places[0].parent / "here", None, "local.admin")


def test_a_chosen_profile_goes_before_the_tops_of_all_files(places: tuple[Path, Path]) -> None:
    write(places, 'dir = "here"', '[profiles.far]\nurl = "http://far"')
    assert loaded(places, TALLY_PROFILE="far").urls == ("http://far",)
    assert loaded(places, {"profile": "far"}, TALLY_URL="http://a").urls == ("http://far",)
    assert loaded(places, {"profile": "far", "url": ("http://flag",)}).urls == ("http://flag",)
    assert loaded(places, TALLY_PROFILE="far", TALLY_URL="http://a").urls == ("http://a",)


def test_a_profile_is_chosen_by_name(places: tuple[Path, Path]) -> None:
    write(places, 'as = "project"', f'[profiles.far]\nurl = "http://far"\ngenesis_hash = "{HASH}"')
    assert loaded(places, TALLY_PROFILE="far") == Profile(("http://far",), Path(".tally"), HASH, None)
    with pytest.raises(CliError, match="no file has a profile 'near'; there are: far"):
        loaded(places, TALLY_PROFILE="near")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("url = 7", "tally.toml: url: an address"),
        ("url = []", "tally.toml: url: an address"),
        (
            "urls = 'x'",
            "tally.toml: urls: no such setting; there are url, as, certificate, certificate_key, dir, genesis_hash",
        ),
        ("as = ''", "tally.toml: as: text is expected"),
        ("profiles = 7", "tally.toml: profiles: tables"),
        ("[profiles.a]\ndir = 7", "tally.toml: profiles.a: dir: text"),
        ("a b", "tally.toml: Expected '='"),
        ("x" * 70_000, "at most 65536 bytes"),
    ],
)
def test_a_wrong_setting_is_named(places: tuple[Path, Path], text: str, message: str) -> None:
    write(places, text)
    with pytest.raises(CliError, match=message) as caught:
        loaded(places, TALLY_PROFILE="a" if "profiles.a" in text else "")
    assert caught.value.exit_code == 2


def test_the_example_of_the_manual_holds(places: tuple[Path, Path]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    write(places, example)
    assert loaded(places) == Profile((), places[0].parent / ".tally", None, "brightvax.ops")
    far = loaded(places, TALLY_PROFILE="production")
    assert (len(far.urls), far.genesis_hash, far.party) == (2, "5cf1...", "/secure/brightvax.key")


def test_commands_use_them(places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    write(places, 'dir = "nowhere"')
    monkeypatch.chdir(places[0])
    outcome = CliRunner().invoke(tally, ["query", "get", "/v1/network"])
    assert isinstance(outcome.exception, CliError) and str(places[0].parent / "nowhere") in str(outcome.exception)
    monkeypatch.setenv("TALLY_AS", "nobody")
    monkeypatch.setenv("TALLY_URL", "http://127.0.0.1:9")
    outcome = CliRunner().invoke(tally, ["tx", "send", "bank", "deposit"])
    assert isinstance(outcome.exception, CliError) and "'nobody' is neither" in str(outcome.exception)


def test_who_signs_follows_the_flags_of_the_command(places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(places[0])
    monkeypatch.setenv("HOME", str(places[1]))
    write(places, 'url = "http://127.0.0.1:9"\nas = "nobody"\n[profiles.far]\nurl = "http://127.0.0.1:10"')
    for verb in (["tx", "send", "bank", "deposit"], ["proposal", "approve", "1"]):
        outcome = CliRunner().invoke(tally, verb)
        assert isinstance(outcome.exception, CliError) and "'nobody' is neither" in str(outcome.exception)
        for flags in (["--url", "http://127.0.0.1:11"], ["--profile", "far"]):
            outcome = CliRunner().invoke(tally, [*verb, *flags])
            assert outcome.exit_code == 2 and "Missing option '--as'" in outcome.output


def test_doctor_uses_them(places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(places[0])
    write(places, 'url = "http://127.0.0.1:9"')
    outcome = CliRunner().invoke(tally, ["doctor"])
    assert outcome.exit_code == 1 and "http://127.0.0.1:9" in outcome.output
    write(places, 'dir = "nowhere"')
    outcome = CliRunner().invoke(tally, ["doctor"])
    assert isinstance(outcome.exception, CliError) and str(places[0].parent / "nowhere") in str(outcome.exception)
    write(places, 'url = "https://127.0.0.1:9"\nnode_ca = "absent.pem"')
    outcome = CliRunner().invoke(tally, ["doctor"])
    assert isinstance(outcome.exception, CliError) and "absent.pem" in str(outcome.exception)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--url", "nonsense"), "'nonsense' is no address of a node"),
        (("--url", "ftp://node1"), "no address of a node"),
        (("--url", "http://node1:port"), "no address of a node"),
        (("--url", "http://127.0.0.1:9", "--genesis-hash", "5cf1"), "64 hexadecimal digits, not '5cf1'"),
    ],
)
def test_what_is_no_address_and_no_hash_is_wrong_usage_at_once(options: tuple[str, ...], said: str) -> None:
    failed = CliRunner().invoke(tally, ["query", "get", "/v1/network", *options]).exception
    assert isinstance(failed, CliError)
    assert said in str(failed)
    assert failed.exit_code == 2
