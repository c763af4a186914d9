"""Puts this folder on the import path, so that tests of all kinds share the modules beside it, such as chain_maker."""
