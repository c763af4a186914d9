"""A node's other processes: how they are started, how they talk, and the walls that they put around themselves.

Contracts, consensus and the composition root use this; it knows nothing of the ledger and imports none of it.
"""
