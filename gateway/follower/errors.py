"""What can go wrong for a follower beyond what the SDK raises."""


class FollowerError(Exception):
    """A database or a message server cannot be used as it is; says what to do."""
