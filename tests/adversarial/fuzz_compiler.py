"""Coverage-guided fuzzing of the pre-scanner, the grammar, the rules and the compiler, by atheris.

    pip install '.[fuzz]'
    python tests/adversarial/fuzz_compiler.py FOLDER -max_total_time=600 -dict=tests/adversarial/seeds/tokens.dict

FOLDER keeps what the fuzzer learns; the seeds of the repository are read besides. Further options are libFuzzer's.
A finding ends the run and is written to a file `crash-...`; naming that file instead of the folder runs it again.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["contracts.engine"]):
    from source_fuzz import SEEDS, check_bytes


def test_one_input(data: bytes) -> None:
    """Hold one input against the law."""
    check_bytes(data)


def main() -> None:
    """Fuzz until an option of libFuzzer ends it."""
    folders = [argument for argument in sys.argv[1:] if Path(argument).is_dir()]
    atheris.Setup([*sys.argv, str(SEEDS)] if folders else sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
