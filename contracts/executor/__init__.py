"""A node's second process: it holds the state and runs the contracts, without keys and without a network.

`client` is the node's side and `worker` the process itself; they share only `protocol` and `errors`, so that the
process never imports what the node needs.
"""
