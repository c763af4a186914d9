"""Types for contracts: what editors and type checkers need to understand a file that imports nothing."""
