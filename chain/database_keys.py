"""Every key of both databases: one byte names the table, and the rest sorts the way the table is read.

Block database                        key                                    value
  b block                             height 8                               block bytes (at 0: genesis)
  a hash of block                     height 8                               block hash 32
  c certificate                       height 8                               certificate bytes
  e execution result                  height 8                               result bytes
  r receipt                           height 8, index 4                      receipt bytes
  i transaction index                 transaction id 32                      height 8, index 4
  k block by hash                     block hash 32                          height 8
  m history node                      level 1, index 8                       hash of a full subtree, 32
  h header                            height 8                               header bytes (at 0: none)
  g gaps                                                                     ranges of heights whose blocks are lacking

State database
  l live leaf                         contract length 2, contract, key       encoded leaf
  t tombstone                         contract length 2, contract, key       encoded leaf without a value
  v version                           leaf hash 32                           encoded leaf that another replaced
  n tree node                         digits 1, prefix in digits             node blob
  s state root                                                               root 32
  x extra                             name                                   whatever the executor keeps beside

The index of history has its own tables (chain.index_terms, chain.history_index). All: the table 0x00 belongs to the
store itself. Integers are big-endian. Deleted keys have a table of their own, so that a scan costs what it returns,
however much was deleted in its range.
"""

import functools
from typing import Final

TABLE_BLOCK: Final = b"b"
TABLE_CERTIFICATE: Final = b"c"
TABLE_RESULT: Final = b"e"
TABLE_RECEIPT: Final = b"r"
TABLE_TRANSACTION: Final = b"i"
TABLE_BLOCK_HASH: Final = b"k"
TABLE_HASH_AT: Final = b"a"
TABLE_HISTORY: Final = b"m"
TABLE_HEADER: Final = b"h"
GAPS_KEY: Final = b"g"

TABLE_LIVE: Final = b"l"
TABLE_TOMBSTONE: Final = b"t"
TABLE_VERSION: Final = b"v"
TABLE_NODE: Final = b"n"
TABLE_EXTRA: Final = b"x"
STATE_ROOT_KEY: Final = b"s"

DIGITS_MAX: Final = 64
"""Digits of a path, which no tree node's prefix exceeds."""
_NODE_STARTS: Final = [TABLE_NODE + length.to_bytes(1, "big") for length in range(DIGITS_MAX + 1)]


def height_key(table: bytes, height: int) -> bytes:
    """Return the key of something kept once a block."""
    return table + height.to_bytes(8, "big")


def height_of_key(key: bytes) -> int:
    """Return the height in a key made by `height_key` or `receipt_key`."""
    return int.from_bytes(key[1:9], "big")


def receipt_key(height: int, index: int) -> bytes:
    """Return the key of a receipt."""
    return TABLE_RECEIPT + height.to_bytes(8, "big") + index.to_bytes(4, "big")


def history_key(level: int, index: int) -> bytes:
    """Return the key of a full subtree's hash in the tree over all blocks."""
    return TABLE_HISTORY + level.to_bytes(1, "big") + index.to_bytes(8, "big")


def leaf_key(table: bytes, contract: str, key: bytes) -> bytes:
    """Return the key of a contract's leaf; the length keeps one contract's keys apart from another's."""
    return _leaf_prefix(table, contract) + key


@functools.lru_cache(maxsize=1024)
def _leaf_prefix(table: bytes, contract: str) -> bytes:
    name = contract.encode()
    return table + len(name).to_bytes(2, "big") + name


def name_end(key: bytes) -> int:
    """Return where the contract's name ends in the key of a leaf, after the table and the name's length."""
    return 3 + int.from_bytes(key[1:3], "big")


def version_key(leaf_hash: bytes) -> bytes:
    """Return the key of a leaf that another has replaced."""
    return TABLE_VERSION + leaf_hash


def node_key(prefix: bytes) -> bytes:
    """Return the key of a tree node; nodes near the root stand together, where the cache keeps them."""
    return _NODE_STARTS[len(prefix)] + prefix
