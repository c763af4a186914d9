"""The real verifier process, which does what it is told instead of checking a signature."""

from lockdown_attempts import tried

from consensus import verifier_worker
from processes.channel import Channel


def main() -> None:
    """Serve as a verifier; what came of an attempt goes out as a message of its own."""
    setattr(verifier_worker, "verify", attempted)  # noqa: B010 - it is not exported
    verifier_worker.main()


def attempted(name: bytes, tag: str, argument: bytes, signature: bytes) -> bool:
    """Report what came of an attempt in place of a check."""
    Channel().send(["outcome", tried(name.decode(), argument.decode())])
    return True
