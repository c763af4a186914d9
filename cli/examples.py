"""Examples that the help of verbs ends with: commands as they are typed, most of them against what `make up` starts."""

from collections.abc import Mapping
from typing import Final

import click

HASH: Final = "94a391c69c7b0c7897a145eff2a302c67676b0f6915fd3d0575698292394b5ac"
TITLE: Final = "\b\nExamples:\n"

EXAMPLES: Final[Mapping[str, tuple[str, ...]]] = {
    "audit check": (
        "tally audit check http://127.0.0.1:7700 --genesis-hash " + HASH,
        "tally audit check export/ --level headers --json",
    ),
    "audit diff": ("tally audit diff http://127.0.0.1:7700 http://127.0.0.1:7701",),
    "audit file": ("tally audit file export/blocks-000001.gz --genesis export/genesis.msgpack",),
    "audit signature": ("tally audit signature report.json --key " + HASH,),
    "bench": ("tally bench --quick", "tally bench --nodes 4 --rate 500 --seconds 30 --json figures.json"),
    "cluster add-observer": ("tally cluster add-observer reader",),
    "cluster chaos": ("tally cluster chaos --seconds 60 --seed 7",),
    "cluster down": ("tally cluster down",),
    "cluster kill": ("tally cluster kill node1",),
    "cluster logs": ("tally cluster logs node2 --lines 50",),
    "cluster pause": ("tally cluster pause node3",),
    "cluster restart": ("tally cluster restart", "tally cluster restart node1"),
    "cluster resume": ("tally cluster resume node3",),
    "cluster status": ("tally cluster status", "tally cluster status --json"),
    "cluster up": ("tally cluster up", "tally cluster up --nodes 7 --base-port 8700 --dir seven"),
    "completion": ('eval "$(tally completion bash)"',),
    "contract check": ("tally contract check token.py --types",),
    "contract cost": ("tally contract cost token.py",),
    "contract deploy": ("tally contract deploy coins benchmarks/transfer.py --as clearbank.admin",),
    "contract diff": ("tally contract diff token.py token_v2.py",),
    "contract freeze": ("tally contract freeze coins --as clearbank.admin --reason 'it lost count'",),
    "contract list": ("tally contract list", "tally contract list --url http://127.0.0.1:7700 --json"),
    "contract new": ("tally contract new my_token --template token",),
    "contract show": ("tally contract show remittance", "tally contract show token.py"),
    "contract source": ("tally contract source remittance > remittance.py",),
    "contract test": ("tally contract test", "tally contract test tests/ --fail-under 90"),
    "contract unfreeze": ("tally contract unfreeze coins --as clearbank.admin",),
    "contract upgrade": ("tally contract upgrade coins token_v2.py --as clearbank.admin",),
    "doctor": ("tally doctor", "tally doctor --url http://127.0.0.1:7700 --json"),
    "epcis capture": ("tally epcis capture examples/vaccine/07-shipping.jsonld --as brightvax.ops",),
    "evidence fetch": (f"tally evidence fetch {HASH} node3.evidence",),
    "evidence list": ("tally evidence list",),
    "evidence verify": ("tally evidence verify node3.evidence --genesis genesis.json",),
    "export": ("tally export --out export/", "tally export --parquet tables/"),
    "import": ("tally import export/ --node .tally/node2",),
    "iso20022 submit": ("tally iso20022 submit examples/wage/wage.xml --as hkwallet.ops",),
    "keys new": ("tally keys new alice.key",),
    "keys show": ("tally keys show alice.key",),
    "node check": ("tally node check node1/node.toml",),
    "node init": ("tally node init reader/ --name reader --from http://127.0.0.1:7700 --peer node1=127.0.0.1:7800",),
    "node run": ("tally node run node1/node.toml",),
    "node status": ("tally node status http://127.0.0.1:7700",),
    "proposal approve": ("tally proposal approve 1 --as clearbank.admin",),
    "proposal list": ("tally proposal list --all",),
    "proposal reject": ("tally proposal reject 1 --as clearbank.admin",),
    "proposal show": ("tally proposal show 1",),
    "proposal withdraw": ("tally proposal withdraw 1 --as clearbank.admin",),
    "prove history": ("tally prove history remittance accounts PHP ISWLPHMMXXX -o balance.proof",),
    "prove key": ("tally prove key remittance accounts PHP ISWLPHMMXXX --at 40 -o balance.proof",),
    "prove story": ("tally prove story transfer c963cfe0-afae-4a3b-b909-6a04e7d80068 -o wage.proof",),
    "prove transaction": (f"tally prove transaction {HASH} -o payment.proof --with-genesis",),
    "prove validators": ("tally prove validators --height 40 -o validators.proof",),
    "query get": ("tally query get /v1/blocks/latest", "tally query get '/v1/transactions?sender=clearbank.ops'"),
    "query state": ("tally query state coins balances alice",),
    "query view": (
        "tally query view remittance conservation PHP",
        "tally query view remittance conservation currency=PHP --json",
    ),
    "simulate": ("tally simulate --seed 7 --nodes 4 --runs 20",),
    "story run": ("tally story run",),
    "tx send": (
        "tally tx send remittance --as clearbank.ops",
        "tally tx send remittance deposit in-1 fxhouse PHP 500000 --as clearbank.ops",
        "tally tx send remittance deposit in-1 fxhouse PHP 500000 --as clearbank.ops --dry-run",
    ),
    "tx show": (f"tally tx show {HASH}",),
    "verify": ("tally verify payment.proof --genesis-hash " + HASH,),
    "witness": (
        "tally witness --state watch/ --new --name witness.example/acme --key witness.key",
        "tally witness --state watch/ --name witness.example/acme --key witness.key --once",
    ),
}
"""By the words behind `tally`. Verbs that are missing here say theirs in their own text."""


def with_examples(command: click.Command, path: str) -> click.Command:
    """Return a verb, or a group with all its verbs, whose help ends with the examples."""
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            with_examples(child, f"{path} {name}")
    elif path in EXAMPLES:
        command.epilog = TITLE + "\n".join(f"  {line}" for line in EXAMPLES[path])
    return command
