"""A transfer as the performance budget means it: three reads, three writes, one event."""

balances = Map(str, int, default=0)
transfers = Map(str, int, default=0)
Transfer = Event(sender=str, to=str, amount=int)

GIFT = 1000000


@call
def transfer(to: str, amount: int) -> bool:
    """Move an amount; whoever sends for the first time is given something to send."""
    require(amount > 0, "amount_not_positive")
    count = transfers[ctx.sender]
    if count == 0:
        balances[ctx.sender] += GIFT
    require(balances[ctx.sender] >= amount, "insufficient_balance")
    transfers[ctx.sender] = count + 1
    balances[ctx.sender] -= amount
    balances[to] += amount
    Transfer(sender=ctx.sender, to=to, amount=amount)
    return True


@call
def open_accounts(names: list[str], amount: int) -> int:
    """Give accounts an amount each; a benchmark fills its ledger so."""
    for name in names:
        balances[name] = amount
    return len(names)


@view
def balance(of: str) -> int:
    """Return a balance."""
    return balances[of]
