"""The contract that a chaos run writes to: registers that can be read, written, and swapped, all by transactions."""

from typing import Final

from chain.genesis import GenesisContract
from chain.transaction import Call
from cli.chaos.linearizability import Kind, Operation

NAME: Final = "register"

SOURCE: Final = '''
"""Registers for checking that a ledger behaves as one copy: each operation takes effect at one moment."""

registers = Map(str, int, default=0)


@call
def read(key: str) -> int:
    """Return what a register holds, at this transaction's place in the order of all."""
    return registers[key]


@call
def write(key: str, value: int) -> None:
    """Set a register."""
    registers[key] = value


@call
def swap(key: str, expected: int, value: int) -> bool:
    """Set a register if it holds what is expected; tell whether it did."""
    if registers[key] != expected:
        return False
    registers[key] = value
    return True
'''


def register_contract() -> GenesisContract:
    """Return the contract as genesis deploys it."""
    return GenesisContract(NAME, SOURCE, ())


def call_of(operation: Operation) -> Call:
    """Return the call that carries out an operation."""
    match operation.kind:
        case Kind.READ:
            return Call(NAME, "read", (operation.key,))
        case Kind.WRITE:
            return Call(NAME, "write", (operation.key, operation.value))
        case Kind.SWAP:
            return Call(NAME, "swap", (operation.key, operation.expected, operation.value))
