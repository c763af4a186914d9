"""Follows a ledger for those who do not ask a node: analysts by SQL, other systems by a message stream."""
