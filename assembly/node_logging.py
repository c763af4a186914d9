"""The node's log: one rotated file, or standard error; no key, seed or payload is ever written to it."""

import logging
import logging.handlers
import sys
import time

from configs.node_config import NodeConfig


def set_up_logging(config: NodeConfig) -> None:
    """Send everything from level INFO on to where the configuration says."""
    handler: logging.Handler
    if config.log_file is None:
        handler = logging.StreamHandler(sys.stderr)
    else:
        handler = logging.handlers.RotatingFileHandler(
            config.log_file, maxBytes=config.log_bytes_max, backupCount=config.log_files_max, encoding="utf-8"
        )
    formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    root.handlers[:] = [handler]
    # One line for each HTTP request would drown what operators look for; the metrics count them.
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
