"""The one exception with which this package refuses a document."""


class EpcisError(Exception):
    """A document, an event or a value that cannot be accepted; nothing of it has been recorded.

    `code` is stable and part of the interface (docs/scenarios/traceability.md lists every one), `path` points into
    the JSON document ("$.epcisBody.eventList[2].action"), `message` is for people and may change.
    """

    def __init__(self, code: str, path: str, message: str) -> None:
        super().__init__(f"{code} at {path}: {message}")
        self.code = code
        self.path = path
        self.message = message
