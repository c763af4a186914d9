"""An executor process for which every file may hold little, as on a disk that is full."""

import resource

import executor_fake_runtime

FILE_BYTES_MAX = 128 * 1024


def main() -> None:
    """Serve as the executor of the fake runtime does, until a file is full."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES_MAX, FILE_BYTES_MAX))
    executor_fake_runtime.main()
