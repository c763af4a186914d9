"""A registry: registrars enter things, their owners pass them on, and the past stays readable."""

PAGE = 50

Entry = Record(owner=str, digest=bytes, entered=int, changes=int)
Change = Record(owner=str, by=str, time=int)

entries = Map(str, Entry)
changes = Map((str, int), Change)

Entered = Event(name=str, owner=str)
Passed = Event(name=str, owner=str, by=str)


@call
def enter(name: str, owner: str, digest: bytes) -> bool:
    """A registrar enters a thing with the hash of its documents."""
    require("registrar" in ctx.roles, "role_missing")
    require_name(name)
    require_owner(owner)
    require(len(digest) == 32, "digest_malformed")
    require(name not in entries, "entry_exists")
    entries[name] = Entry(owner=owner, digest=digest, entered=ctx.time, changes=0)
    note(name, owner)
    Entered(name=name, owner=owner)
    return True


@call
def pass_on(name: str, owner: str) -> bool:
    """The owner of a thing passes it on."""
    require_name(name)
    require_owner(owner)
    found = entries.get(name)
    require(found is not None, "entry_unknown")
    require(found.owner == ctx.sender, "not_the_owner")
    entries[name] = found.replace(owner=owner)
    note(name, owner)
    Passed(name=name, owner=owner, by=ctx.sender)
    return True


@view
def entry_of(name: str) -> Entry | None:
    """What was entered under a name, None if nothing was."""
    require_name(name)
    return entries.get(name)


@view
def history_of(name: str, after: int) -> list[Change]:
    """Who owned a thing, oldest first: fifty entries behind the one of a number, 0 for the first."""
    require_name(name)
    return changes.values(prefix=name, after=(name, after), limit=PAGE)


def note(name: str, owner: str) -> None:
    entries[name].changes += 1
    changes[name, entries[name].changes] = Change(owner=owner, by=ctx.sender, time=ctx.time)


def require_name(name: str) -> None:
    require(name != "" and len(name) <= 64, "name_malformed")


def require_owner(owner: str) -> None:
    require(owner != "" and len(owner) <= 64, "owner_malformed")
