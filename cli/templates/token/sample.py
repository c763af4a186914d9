"""A token: the deployer issues the supply, and whoever holds some passes it on or lets another spend it."""

AMOUNT_MAX = 10**15

balances = Map(str, int, default=0)
allowances = Map((str, str), int, default=0)
supply = Var(int, default=0)

Transferred = Event(sender=str, to=str, amount=int)
Allowed = Event(owner=str, spender=str, amount=int)


@init
def setup(amount: int) -> None:
    """Issue the whole supply to the deployer; amounts are in the smallest unit."""
    require(0 < amount <= AMOUNT_MAX, "amount_out_of_range")
    supply.value = amount
    balances[ctx.sender] = amount


@call
def transfer(to: str, amount: int) -> bool:
    """Pass an amount on to another party."""
    move(ctx.sender, to, amount)
    return True


@call
def allow(spender: str, amount: int) -> bool:
    """Let another party spend up to an amount; 0 takes it back."""
    require(0 <= amount <= AMOUNT_MAX, "amount_out_of_range")
    require_party(spender)
    allowances[ctx.sender, spender] = amount
    Allowed(owner=ctx.sender, spender=spender, amount=amount)
    return True


@call
def transfer_from(owner: str, to: str, amount: int) -> bool:
    """Spend what an owner has allowed."""
    require_party(owner)
    left = allowances[owner, ctx.sender] - amount
    require(left >= 0, "allowance_exceeded")
    move(owner, to, amount)
    allowances[owner, ctx.sender] = left
    return True


@view
def balance_of(party: str) -> int:
    """What a party holds."""
    require_party(party)
    return balances[party]


@view
def total() -> int:
    """What was issued."""
    return supply.value


def move(sender: str, to: str, amount: int) -> None:
    require(0 < amount <= AMOUNT_MAX, "amount_out_of_range")
    require_party(to)
    require(balances[sender] >= amount, "insufficient_balance")
    balances[sender] -= amount
    balances[to] += amount
    Transferred(sender=sender, to=to, amount=amount)


def require_party(party: str) -> None:
    require(party != "" and len(party) <= 64, "party_malformed")
