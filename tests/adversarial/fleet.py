"""A fleet of Pythons that observe the same programs and have to write down the same.

Each ship is a process that stays: a version of Python with options, a hash seed and a setting of the environment. All
ships differ in as much as possible at once; a difference in what they see is a finding, wherever it comes from.
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgpack
from observe import Observation, Program

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "tests" / "unit"
WORKER = Path(__file__).with_name("engine_worker.py")


@dataclass(frozen=True, slots=True)
class Ship:
    """One way to run Python."""

    version: str
    path: str
    options: tuple[str, ...] = ()
    hash_seed: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        extra = [f"{key}={value}" for key, value in self.environment.items()]
        return " ".join([self.version, *self.options, f"seed {self.hash_seed}", *extra])


OPTIONS: tuple[tuple[tuple[str, ...], Mapping[str, str]], ...] = (
    ((), {}),
    (("-O", "-bb"), {"LC_ALL": "C", "TZ": "Pacific/Auckland"}),
    (("-OO", "-W", "error"), {"PYTHONINTMAXSTRDIGITS": "640"}),
    (("-X", "utf8=0", "-W", "error"), {"LC_ALL": "POSIX", "PYTHONMALLOC": "malloc"}),
)
"""Settings that must not matter; ships take them in turn."""


def ships(interpreters: Mapping[str, str], chance: int = 0, least: int = 3) -> list[Ship]:
    """Return one ship a Python, each with other options; a Python alone sails several times."""
    pairs = list(interpreters.items())
    count = max(len(pairs), least)
    fleet = []
    for number in range(count):
        version, path = pairs[number % len(pairs)]
        options, environment = OPTIONS[number % len(OPTIONS)]
        fleet.append(Ship(version, path, options, (chance * 7919 + number * 104729) % 2**32, environment))
    return fleet


def borrow_packages(folder: Path) -> None:
    """Fill a folder with msgpack and a stand-in for PyNaCl: another Python brings no packages and borrows no others."""
    (folder / "msgpack").symlink_to(Path(msgpack.__file__).parent)
    (folder / "nacl").mkdir()
    (folder / "nacl" / "__init__.py").touch()
    (folder / "nacl" / "bindings.py").write_text("from ed25519_twin import crypto_sign_open\n")
    (folder / "nacl" / "exceptions.py").write_text("from ed25519_twin import BadSignatureError\n")


class Fleet:
    """Processes that observe programs, one a ship. Use as a context manager.

    The first ship is the Python that runs, with its own packages, compiled ones among them, and a new engine for each
    program. The others have msgpack in plain Python, a twin of the signature check, and an engine that serves them all.
    """

    def __init__(self, fleet: Sequence[Ship]) -> None:
        self.ships = list(fleet)
        self._folder = tempfile.TemporaryDirectory(prefix="fleet-")
        borrow_packages(Path(self._folder.name))
        self._processes: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        self._processes = [self._start(number) for number in range(len(self.ships))]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.kill()
            process.communicate()
        self._folder.cleanup()

    def _start(self, number: int) -> subprocess.Popen[str]:
        ship = self.ships[number]
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": f"{ROOT}:{UNIT}" if number == 0 else f"{ROOT}:{UNIT}:{self._folder.name}",
            "PYTHONHASHSEED": str(ship.hash_seed),
            "PYTHONDONTWRITEBYTECODE": "1",
            **({} if number == 0 else {"MSGPACK_PUREPYTHON": "1"}),
            **ship.environment,
        }
        command = [ship.path, *ship.options, str(WORKER), *(["--fresh"] if number == 0 else [])]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        return subprocess.Popen(command, env=environment, text=True, encoding="ascii", **pipes)

    def observe(self, program: Program) -> list[Observation]:
        """Return what each ship saw; a ship that went down saw its end, and is replaced."""
        line = json.dumps(asdict(program)) + "\n"
        for process in self._processes:
            self._write(process, line)
        seen: list[Observation] = []
        for number, process in enumerate(self._processes):
            assert process.stdout is not None
            answer = process.stdout.readline()
            if answer:
                seen.append(json.loads(answer)["seen"])
            else:
                seen.append([["died", process.wait()]])
                process.communicate()
                self._processes[number] = self._start(number)
        return seen

    def kill(self, number: int) -> None:
        """Sink a ship, for a test of what happens then."""
        self._processes[number].kill()
        self._processes[number].wait()

    @staticmethod
    def _write(process: subprocess.Popen[str], line: str) -> None:
        assert process.stdin is not None
        try:
            process.stdin.write(line)
            process.stdin.flush()
        except BrokenPipeError:
            # Its end is found when its answer is read.
            return


def differences(fleet: Sequence[Ship], seen: Sequence[Observation]) -> list[str]:
    """Return where ships saw something else than the first one, and what no ship may see."""
    found = []
    for ship, observation in zip(fleet, seen, strict=True):
        found += [
            f"{ship.name}: {entry[0]}: {entry[1]}"
            for entry in observation
            if entry[0] in ("exception", "warning", "died")
        ]
        found += [
            f"{ship.name}: Python's {entry[-1]} decided" for entry in observation if len(entry) == 7 and entry[-1]
        ]
        if observation != seen[0]:
            place = next(
                (index for index, pair in enumerate(zip(observation, seen[0], strict=False)) if pair[0] != pair[1]),
                min(len(observation), len(seen[0])),
            )
            theirs, ours = observation[place : place + 1], seen[0][place : place + 1]
            found.append(f"{ship.name} saw {theirs} where {fleet[0].name} saw {ours}")
    return found
