"""The node's log: one rotated file, or standard error; no key, seed or payload is ever written to it."""

import logging
import logging.handlers
import sys
import time
from typing import Final

from aiohttp.http_exceptions import HttpProcessingError

from configs.node_config import ConfigError, NodeConfig

REASON_CHARACTERS_MAX: Final = 120


def set_up_logging(config: NodeConfig) -> None:
    """Send everything from level INFO on to where the configuration says.

    Raises:
        ConfigError: when the file cannot be written.
    """
    handler = _handler(config)
    formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    root.handlers[:] = [handler]
    # Where the disk is full, complaints about the log itself would fail in turn, and hide the exit code.
    logging.raiseExceptions = False
    # One line for each HTTP request would drown what operators look for; the metrics count them.
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    logging.getLogger("aiohttp.server").addFilter(_shorten_bad_requests)


def _handler(config: NodeConfig) -> logging.Handler:
    if config.log_file is None:
        return logging.StreamHandler(sys.stderr)
    try:
        return logging.handlers.RotatingFileHandler(
            config.log_file, maxBytes=config.log_bytes_max, backupCount=config.log_files_max, encoding="utf-8"
        )
    except OSError as error:
        raise ConfigError(f"log_file: {error}") from error


def _shorten_bad_requests(record: logging.LogRecord) -> bool:
    """Make one plain line of a request that is no HTTP: that is no error of this node."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, HttpProcessingError):
        record.levelno, record.levelname = logging.INFO, logging.getLevelName(logging.INFO)
        reason = " ".join(str(error).split())[:REASON_CHARACTERS_MAX]
        record.msg, record.args, record.exc_info = f"{record.getMessage()}: {reason}", (), None
    return True
