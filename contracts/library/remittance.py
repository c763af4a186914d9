"""Cross-border remittance between institutions: money goes in, is locked for a transfer, arrives or comes back.

Who takes part: institutions that send and receive for their customers, a foreign exchange (FX) provider that keeps
an inventory of both currencies, a settlement bank for each currency, and the regulators of both sides.

What holds at every moment:

- For each currency, everything that was issued is held, locked or paid out. Money is issued by a deposit that the
  settlement bank confirms, and is paid out by a redemption that it confirms. `conservation` adds it all up.
- A UETR stands for one transfer. The same call again changes nothing; another transfer under it is refused.
- Nothing is paid out before both institutions have screened the transfer and let it pass.
- An expired quote cannot be used, and a transfer that was not paid out in time can only be released.
- No sender exceeds the limit of a day, and no corridor exceeds its own.
- A transfer moves both currencies or none, and ends in exactly one way.

All amounts are integers in minor units (cents). A rate is `rate / 10 ** rate_scale` minor units of the second currency
for one minor unit of the first; what the recipient gets is rounded down to a whole minor unit, and the fee comes on top
of what the sender gives. A day is a UTC day of block time. Reasons are four-character codes of ISO 20022.

Names and addresses never come here: `travel_rule` is a salted hash of them, `sender_reference` a pseudonym, and the
sender's institution vouches for both.
"""

AMOUNT_MAX = 10**17
RATE_SCALE_MAX = 18
DAY_MS = 86400000
QUOTE_MS_MAX = 86400000
TRANSFER_MS_MAX = 30 * 86400000
PARTNERS_MAX = 100
ID_LENGTH_MAX = 100
ACCOUNTS_PER_PAGE = 200
CURRENCIES_CHECKED_MAX = 1000
CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
CAPITALS_AND_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
HEX_DIGITS = "0123456789abcdef"
CHARGE_BEARERS = ["DEBT", "CRED", "SHAR", "SLEV"]

# What is stored. `Terms` are the part of a thing that its author wrote: the same terms again are a resend.

Participant = Record(organisation=str, kind=str)
Account = Record(held=int, locked=int)
Currency = Record(bank=str, issued=int, paid_out=int)
Deposit = Record(participant=str, currency=str, amount=int)
RedemptionTerms = Record(participant=str, currency=str, amount=int)
Redemption = Record(terms=RedemptionTerms, state=str, reason=str)

CorridorTerms = Record(
    source_currency=str, target_currency=str, senders=list[str], receivers=list[str], fx_provider=str,
    sender_day_max=int, corridor_day_max=int, transfer_ms=int,
)
Corridor = Record(terms=CorridorTerms, opened_by=str, approved_by=str, state=str, reason=str)

QuoteTerms = Record(corridor=str, sender=str, rate=int, rate_scale=int, fee=int, amount_max=int, valid_ms=int)
Quote = Record(terms=QuoteTerms, expires_at=int, amount_left=int)

Screening = Record(passed=bool, reason=str, travel_rule=bytes)
TransferTerms = Record(
    quote=str, sender=str, receiver=str, source_currency=str, source_amount=int, target_currency=str,
    target_amount=int, charge_bearer=str, sender_reference=str, travel_rule=bytes,
)
Transfer = Record(
    terms=TransferTerms, corridor=str, fx_provider=str, fee=int, day=int, expires_at=int,
    sender_screening=Screening | None, receiver_screening=Screening | None, state=str, reason=str,
)
Conservation = Record(issued=int, held=int, locked=int, paid_out=int, difference=int, accounts=int)

participants = Map(str, Participant)
currencies = Map(str, Currency)
accounts = Map((str, str), Account)
deposits = Map(str, Deposit)
redemptions = Map(str, Redemption)
corridors = Map(str, Corridor)
quotes = Map(str, Quote)
transfers = Map(str, Transfer)
sent_by_sender = Map((str, str, str, int), int, default=0)
sent_in_corridor = Map((str, int), int, default=0)

Admitted = Event(participant=str, organisation=str, kind=str, by=str)
CurrencyOpened = Event(currency=str, bank=str, by=str)
Deposited = Event(deposit=str, participant=str, currency=str, amount=int, by=str)
RedemptionChanged = Event(redemption=str, participant=str, currency=str, amount=int, state=str, reason=str, by=str)
CorridorChanged = Event(corridor=str, state=str, reason=str, by=str)
Quoted = Event(quote=str, corridor=str, sender=str, rate=int, rate_scale=int, fee=int, expires_at=int, by=str)
Accepted = Event(
    uetr=str, corridor=str, sender=str, receiver=str, source_currency=str, source_amount=int, fee=int,
    target_currency=str, target_amount=int, expires_at=int, by=str,
)
Screened = Event(uetr=str, side=str, passed=bool, reason=str, by=str)
PaidOut = Event(uetr=str, receiver=str, currency=str, amount=int, by=str)
Released = Event(uetr=str, state=str, reason=str, by=str)
Returned = Event(uetr=str, currency=str, amount=int, reason=str, by=str)


# Participants and currencies


@call
def admit(participant_id: str, organisation: str, kind: str) -> bool:
    """A regulator admits an institution or FX provider (known by its BIC or another name) for an organisation."""
    require_role("regulator")
    require_id(participant_id)
    require_id(organisation)
    require(kind == "institution" or kind == "fx_provider", "kind_unknown")
    entry = Participant(organisation=organisation, kind=kind)
    if participant_id in participants:
        require(participants[participant_id] == entry, "participant_taken")
        return False
    participants[participant_id] = entry
    Admitted(participant=participant_id, organisation=organisation, kind=kind, by=ctx.sender)
    return True


@call
def open_currency(currency: str) -> bool:
    """A settlement bank takes on a currency; from then on it alone confirms deposits and redemptions in it."""
    require_role("settlement_bank")
    require(len(currency) == 3 and consists_of(currency, CAPITALS), "currency_malformed")
    if currency in currencies:
        require(currencies[currency].bank == ctx.organisation, "currency_taken")
        return False
    currencies[currency] = Currency(bank=ctx.organisation, issued=0, paid_out=0)
    CurrencyOpened(currency=currency, bank=ctx.organisation, by=ctx.sender)
    return True


# Money in and out


@call
def deposit(deposit_id: str, participant_id: str, currency: str, amount: int) -> bool:
    """The settlement bank confirms that it has received money for a participant."""
    require_bank_of(currency)
    require_id(deposit_id)
    require_amount(amount)
    require(participant_id in participants, "participant_unknown")
    entry = Deposit(participant=participant_id, currency=currency, amount=amount)
    if deposit_id in deposits:
        require(deposits[deposit_id] == entry, "deposit_conflict")
        return False
    deposits[deposit_id] = entry
    money = currencies[currency]
    currencies[currency] = money.replace(issued=money.issued + amount)
    account = account_of(currency, participant_id)
    accounts[currency, participant_id] = account.replace(held=account.held + amount)
    Deposited(deposit=deposit_id, participant=participant_id, currency=currency, amount=amount, by=ctx.sender)
    return True


@call
def request_redemption(redemption_id: str, participant_id: str, currency: str, amount: int) -> bool:
    """A participant asks for money outside the ledger; the amount is locked until the settlement bank answers."""
    require_participant(participant_id)
    require_id(redemption_id)
    require_amount(amount)
    require(currency in currencies, "currency_unknown")
    terms = RedemptionTerms(participant=participant_id, currency=currency, amount=amount)
    if redemption_id in redemptions:
        require(redemptions[redemption_id].terms == terms, "redemption_conflict")
        return False
    lock(currency, participant_id, amount)
    record_redemption(redemption_id, terms, "requested", "")
    return True


@call
def confirm_redemption(redemption_id: str) -> bool:
    """The settlement bank confirms that it has paid; the money leaves the ledger."""
    terms = require_redemption(redemption_id)
    if redemptions[redemption_id].state == "confirmed":
        return False
    require(redemptions[redemption_id].state == "requested", "redemption_not_open")
    take_locked(terms.currency, terms.participant, terms.amount)
    money = currencies[terms.currency]
    currencies[terms.currency] = money.replace(paid_out=money.paid_out + terms.amount)
    record_redemption(redemption_id, terms, "confirmed", "")
    return True


@call
def refuse_redemption(redemption_id: str, reason: str) -> bool:
    """The settlement bank will not pay; the participant has its money back."""
    terms = require_redemption(redemption_id)
    require_reason(reason)
    if redemptions[redemption_id].state == "refused" and redemptions[redemption_id].reason == reason:
        return False
    require(redemptions[redemption_id].state == "requested", "redemption_not_open")
    unlock(terms.currency, terms.participant, terms.amount)
    record_redemption(redemption_id, terms, "refused", reason)
    return True


# Corridors


@call
def open_corridor(corridor_id: str, terms: CorridorTerms) -> bool:
    """A regulator of one side proposes a corridor: who may send to whom, at what limits, and how long it may take."""
    require_role("regulator")
    require_id(corridor_id)
    require(terms.source_currency in currencies and terms.target_currency in currencies, "currency_unknown")
    require_partners(terms.senders)
    require_partners(terms.receivers)
    require(is_kind(terms.fx_provider, "fx_provider"), "fx_provider_unknown")
    require_amount(terms.sender_day_max)
    require_amount(terms.corridor_day_max)
    require(terms.transfer_ms > 0 and terms.transfer_ms <= TRANSFER_MS_MAX, "duration_out_of_range")
    if corridor_id in corridors:
        require(corridors[corridor_id].terms == terms, "corridor_conflict")
        return False
    ours = ctx.organisation
    corridors[corridor_id] = Corridor(terms=terms, opened_by=ours, approved_by="", state="proposed", reason="")
    CorridorChanged(corridor=corridor_id, state="proposed", reason="", by=ctx.sender)
    return True


@call
def approve_corridor(corridor_id: str) -> bool:
    """The regulator of the other side approves; the corridor is open."""
    require_role("regulator")
    require(corridor_id in corridors, "corridor_unknown")
    corridor = corridors[corridor_id]
    if corridor.approved_by == ctx.organisation:
        return False
    require(corridor.state == "proposed", "corridor_not_proposed")
    require(corridor.opened_by != ctx.organisation, "corridor_needs_other_regulator")
    corridors[corridor_id] = corridor.replace(approved_by=ctx.organisation, state="open")
    CorridorChanged(corridor=corridor_id, state="open", reason="", by=ctx.sender)
    return True


@call
def suspend_corridor(corridor_id: str, reason: str) -> bool:
    """A regulator of either side stops new quotes and transfers; what was accepted before may still be finished."""
    corridor = require_regulated(corridor_id)
    require_reason(reason)
    if corridor.state == "suspended" and corridor.reason == reason:
        return False
    require(corridor.state == "open", "corridor_not_open")
    corridors[corridor_id] = corridor.replace(state="suspended", reason=reason)
    CorridorChanged(corridor=corridor_id, state="suspended", reason=reason, by=ctx.sender)
    return True


@call
def resume_corridor(corridor_id: str) -> bool:
    """A regulator of either side lets a suspended corridor go on."""
    corridor = require_regulated(corridor_id)
    if corridor.state == "open":
        return False
    require(corridor.state == "suspended", "corridor_not_suspended")
    corridors[corridor_id] = corridor.replace(state="open", reason="")
    CorridorChanged(corridor=corridor_id, state="open", reason="", by=ctx.sender)
    return True


# Quotes


@call
def quote(quote_id: str, terms: QuoteTerms) -> bool:
    """The corridor's FX provider offers an institution a rate and a fee for each transfer, for some time and amount.

    Everything that is accepted against a quote counts towards `amount_max`, also if it comes back later.
    """
    require_id(quote_id)
    require(terms.corridor in corridors, "corridor_unknown")
    corridor = corridors[terms.corridor]
    require_participant(corridor.terms.fx_provider)
    require(terms.sender in corridor.terms.senders, "sender_not_in_corridor")
    require(terms.rate_scale >= 0 and terms.rate_scale <= RATE_SCALE_MAX, "rate_out_of_range")
    require(terms.rate > 0, "rate_out_of_range")
    if corridor.terms.source_currency == corridor.terms.target_currency:
        require(terms.rate == 10**terms.rate_scale, "rate_not_one")
    require(terms.fee >= 0 and terms.fee <= AMOUNT_MAX, "amount_out_of_range")
    require_amount(terms.amount_max)
    require(terms.valid_ms > 0 and terms.valid_ms <= QUOTE_MS_MAX, "duration_out_of_range")
    if quote_id in quotes:
        require(quotes[quote_id].terms == terms, "quote_conflict")
        return False
    require(corridor.state == "open", "corridor_not_open")
    expires_at = ctx.time + terms.valid_ms
    quotes[quote_id] = Quote(terms=terms, expires_at=expires_at, amount_left=terms.amount_max)
    Quoted(
        quote=quote_id, corridor=terms.corridor, sender=terms.sender, rate=terms.rate, rate_scale=terms.rate_scale,
        fee=terms.fee, expires_at=expires_at, by=ctx.sender,
    )
    return True


# Transfers


@call
def accept(uetr: str, terms: TransferTerms) -> bool:
    """The sender's institution accepts a transfer against a quote: what it gives and what arrives are locked."""
    require_institution(terms.sender)
    if uetr in transfers:
        require(transfers[uetr].terms == terms, "uetr_used")
        return False
    require(is_uetr(uetr), "uetr_malformed")
    require(terms.charge_bearer in CHARGE_BEARERS, "charge_bearer_unknown")
    require_id(terms.sender_reference)
    require(len(terms.travel_rule) == 32, "travel_rule_malformed")
    offer = use_quote(terms)
    corridor_id = offer.terms.corridor
    corridor = corridors[corridor_id].terms
    require_within_corridor(terms, corridor, corridors[corridor_id].state)
    day = ctx.time // DAY_MS
    count_towards_limits(corridor_id, corridor, terms, day)
    fee = offer.terms.fee
    lock(terms.source_currency, terms.sender, terms.source_amount + fee)
    if terms.source_currency != terms.target_currency:
        inventory = account_of(terms.target_currency, corridor.fx_provider).held
        require(inventory >= terms.target_amount, "inventory_insufficient")
        lock(terms.target_currency, corridor.fx_provider, terms.target_amount)
    expires_at = ctx.time + corridor.transfer_ms
    transfers[uetr] = Transfer(
        terms=terms, corridor=corridor_id, fx_provider=corridor.fx_provider, fee=fee, day=day, expires_at=expires_at,
        sender_screening=None, receiver_screening=None, state="accepted", reason="",
    )
    Accepted(
        uetr=uetr, corridor=corridor_id, sender=terms.sender, receiver=terms.receiver,
        source_currency=terms.source_currency, source_amount=terms.source_amount, fee=fee,
        target_currency=terms.target_currency, target_amount=terms.target_amount, expires_at=expires_at, by=ctx.sender,
    )
    return True


@call
def screen(uetr: str, side: str, passed: bool, reason: str, travel_rule: bytes) -> bool:
    """An institution records the outcome of its screening and the hash of the travel rule's data that it has seen.

    A transfer that does not pass is rejected at once, and its money is released.
    """
    require(side == "sender" or side == "receiver", "side_unknown")
    transfer = require_transfer(uetr)
    require_institution(transfer.terms.sender if side == "sender" else transfer.terms.receiver)
    require(travel_rule == transfer.terms.travel_rule, "travel_rule_mismatch")
    if passed:
        require(reason == "", "reason_malformed")
    else:
        require_reason(reason)
    result = Screening(passed=passed, reason=reason, travel_rule=travel_rule)
    before = transfer.sender_screening if side == "sender" else transfer.receiver_screening
    if before is not None:
        require(before == result, "screening_conflict")
        return False
    require_open(transfer)
    if side == "sender":
        transfer = transfer.replace(sender_screening=result)
    else:
        transfer = transfer.replace(receiver_screening=result)
    Screened(uetr=uetr, side=side, passed=passed, reason=reason, by=ctx.sender)
    if passed:
        transfers[uetr] = transfer
    else:
        release(uetr, transfer, "rejected", reason)
    return True


@call
def pay_out(uetr: str) -> bool:
    """The recipient's institution has paid its customer: both currencies move at once, and the transfer is complete."""
    transfer = require_transfer(uetr)
    terms = transfer.terms
    require_institution(terms.receiver)
    if transfer.state == "paid_out":
        return False
    require_open(transfer)
    require(has_passed(transfer.sender_screening) and has_passed(transfer.receiver_screening), "screening_missing")
    if terms.source_currency == terms.target_currency:
        move_locked(terms.source_currency, terms.sender, terms.receiver, terms.source_amount)
    else:
        move_locked(terms.source_currency, terms.sender, transfer.fx_provider, terms.source_amount)
        move_locked(terms.target_currency, transfer.fx_provider, terms.receiver, terms.target_amount)
    move_locked(terms.source_currency, terms.sender, transfer.fx_provider, transfer.fee)
    transfers[uetr] = transfer.replace(state="paid_out")
    PaidOut(
        uetr=uetr, receiver=terms.receiver, currency=terms.target_currency, amount=terms.target_amount, by=ctx.sender,
    )
    return True


@call
def reject(uetr: str, reason: str) -> bool:
    """The recipient's institution will not pay the transfer out; the money is released."""
    transfer = require_transfer(uetr)
    require_institution(transfer.terms.receiver)
    return end(uetr, transfer, "rejected", reason)


@call
def cancel(uetr: str, reason: str) -> bool:
    """The sender's institution takes the transfer back before it is paid out; the money is released."""
    transfer = require_transfer(uetr)
    require_institution(transfer.terms.sender)
    return end(uetr, transfer, "cancelled", reason)


@call
def expire(uetr: str) -> bool:
    """Anybody may release a transfer that was not paid out in time (ISO reason AB05)."""
    transfer = require_transfer(uetr)
    require(transfer.state != "accepted" or ctx.time > transfer.expires_at, "transfer_not_expired")
    return end(uetr, transfer, "expired", "AB05")


@call
def return_funds(uetr: str, reason: str) -> bool:
    """The recipient's institution gives back what was paid out, in the currency that arrived; the fee stays spent."""
    transfer = require_transfer(uetr)
    terms = transfer.terms
    require_institution(terms.receiver)
    require_reason(reason)
    if transfer.state == "returned" and transfer.reason == reason:
        return False
    require(transfer.state == "paid_out", "transfer_not_paid_out")
    lock(terms.target_currency, terms.receiver, terms.target_amount)
    move_locked(terms.target_currency, terms.receiver, terms.sender, terms.target_amount)
    transfers[uetr] = transfer.replace(state="returned", reason=reason)
    Returned(uetr=uetr, currency=terms.target_currency, amount=terms.target_amount, reason=reason, by=ctx.sender)
    return True


# What anybody may read


@view
def participant(participant_id: str) -> Participant:
    """Who stands behind a participant's name."""
    require(participant_id in participants, "participant_unknown")
    return participants[participant_id]


@view
def balance(participant_id: str, currency: str) -> Account:
    """What a participant holds in a currency, and what of its money is locked."""
    return account_of(currency, participant_id)


@view
def corridor_of(corridor_id: str) -> Corridor:
    """A corridor with its limits, partners and state."""
    require(corridor_id in corridors, "corridor_unknown")
    return corridors[corridor_id]


@view
def quote_of(quote_id: str) -> Quote:
    """A quote, when it expires, and for how much it still stands."""
    require(quote_id in quotes, "quote_unknown")
    return quotes[quote_id]


@view
def transfer_of(uetr: str) -> Transfer:
    """A transfer with its screenings and state."""
    return require_transfer(uetr)


@view
def redemption_of(redemption_id: str) -> Redemption:
    """A redemption and its state."""
    require(redemption_id in redemptions, "redemption_unknown")
    return redemptions[redemption_id]


@view
def sent_on_day(corridor_id: str, day: int) -> int:
    """What was accepted in a corridor on a day (days since 1970-01-01) and not released since."""
    return sent_in_corridor[corridor_id, day]


@view
def conservation(currency: str) -> Conservation:
    """Add up all accounts of a currency: what was issued is held, locked or paid out, so the difference is zero."""
    require(currency in currencies, "currency_unknown")
    money = currencies[currency]
    held = 0
    locked = 0
    count = 0
    last = ""
    while True:
        page = accounts.items(prefix=currency, after=(currency, last), limit=ACCOUNTS_PER_PAGE)
        for (code, holder), account in page:
            held += account.held
            locked += account.locked
            last = holder
        count += len(page)
        if len(page) < ACCOUNTS_PER_PAGE:
            break
    rest = money.issued - held - locked - money.paid_out
    return Conservation(
        issued=money.issued, held=held, locked=locked, paid_out=money.paid_out, difference=rest, accounts=count,
    )


# What auditors check over the whole history


@invariant
def money_is_conserved() -> list[str]:
    """For each currency, everything that was issued is held, locked or paid out, and no account is below zero."""
    found: list[str] = []
    for currency in currencies.keys(limit=CURRENCIES_CHECKED_MAX):
        money = currencies[currency]
        total = money.paid_out
        last = ""
        while True:
            page = accounts.items(prefix=currency, after=(currency, last), limit=ACCOUNTS_PER_PAGE)
            for (code, holder), account in page:
                total += account.held + account.locked
                last = holder
                if account.held < 0 or account.locked < 0:
                    found.append(f"{holder} has {account.held} {code} held and {account.locked} locked: below zero")
            if len(page) < ACCOUNTS_PER_PAGE:
                break
        if total != money.issued:
            found.append(f"{currency}: {money.issued} was issued, {total} is held, locked or paid out")
    return found


@invariant
def locked_money_has_one_purpose() -> list[str]:
    """What is locked in a currency is what open transfers and redemptions have locked: none of it serves two."""
    found: list[str] = []
    for currency in currencies.keys(limit=CURRENCIES_CHECKED_MAX):
        purposes = transfers_lock(currency) + redemptions_lock(currency)
        locked = 0
        last = ""
        while True:
            page = accounts.items(prefix=currency, after=(currency, last), limit=ACCOUNTS_PER_PAGE)
            for (code, holder), account in page:
                locked += account.locked
                last = holder
            if len(page) < ACCOUNTS_PER_PAGE:
                break
        if locked != purposes:
            found.append(f"{currency}: {locked} is locked, for open transfers and redemptions of {purposes}")
    return found


def transfers_lock(currency: str) -> int:
    total = 0
    last = ""
    while True:
        page = transfers.items(after=last, limit=ACCOUNTS_PER_PAGE)
        for uetr, transfer in page:
            last = uetr
            terms = transfer.terms
            if transfer.state == "accepted":
                if terms.source_currency == currency:
                    total += terms.source_amount + transfer.fee
                if terms.target_currency == currency and terms.source_currency != currency:
                    total += terms.target_amount
        if len(page) < ACCOUNTS_PER_PAGE:
            return total


def redemptions_lock(currency: str) -> int:
    total = 0
    last = ""
    while True:
        page = redemptions.items(after=last, limit=ACCOUNTS_PER_PAGE)
        for redemption_id, redemption in page:
            last = redemption_id
            if redemption.terms.currency == currency and redemption.state == "requested":
                total += redemption.terms.amount
        if len(page) < ACCOUNTS_PER_PAGE:
            return total


# Moving money. Only these functions and the two that issue and pay out touch accounts.


def account_of(currency: str, participant_id: str) -> Account:
    return accounts.get((currency, participant_id), Account(held=0, locked=0))


def lock(currency: str, participant_id: str, amount: int) -> None:
    account = account_of(currency, participant_id)
    require(account.held >= amount, "funds_insufficient")
    accounts[currency, participant_id] = account.replace(held=account.held - amount, locked=account.locked + amount)


def unlock(currency: str, participant_id: str, amount: int) -> None:
    account = account_of(currency, participant_id)
    accounts[currency, participant_id] = account.replace(held=account.held + amount, locked=account.locked - amount)


def take_locked(currency: str, participant_id: str, amount: int) -> None:
    account = account_of(currency, participant_id)
    accounts[currency, participant_id] = account.replace(locked=account.locked - amount)


def move_locked(currency: str, giver: str, taker: str, amount: int) -> None:
    take_locked(currency, giver, amount)
    account = account_of(currency, taker)
    accounts[currency, taker] = account.replace(held=account.held + amount)


# Steps of a transfer


def use_quote(terms: TransferTerms) -> Quote:
    """Check a transfer against its quote and count it there."""
    require(terms.quote in quotes, "quote_unknown")
    offer = quotes[terms.quote]
    require(offer.terms.sender == terms.sender, "quote_for_another_sender")
    require(ctx.time <= offer.expires_at, "quote_expired")
    require_amount(terms.source_amount)
    require_amount(terms.target_amount)
    arrives = mul_div(terms.source_amount, offer.terms.rate, 10**offer.terms.rate_scale, "floor")
    require(terms.target_amount == arrives, "amount_not_as_quoted")
    require(terms.source_amount <= offer.amount_left, "quote_exhausted")
    quotes[terms.quote] = offer.replace(amount_left=offer.amount_left - terms.source_amount)
    return offer


def require_within_corridor(terms: TransferTerms, corridor: CorridorTerms, state: str) -> None:
    require(state == "open", "corridor_not_open")
    require(terms.receiver in corridor.receivers, "receiver_not_in_corridor")
    require(terms.source_currency == corridor.source_currency, "currency_not_as_quoted")
    require(terms.target_currency == corridor.target_currency, "currency_not_as_quoted")


def count_towards_limits(corridor_id: str, limits: CorridorTerms, terms: TransferTerms, day: int) -> None:
    by_sender = sent_by_sender[corridor_id, terms.sender, terms.sender_reference, day] + terms.source_amount
    require(by_sender <= limits.sender_day_max, "sender_limit_exceeded")
    in_corridor = sent_in_corridor[corridor_id, day] + terms.source_amount
    require(in_corridor <= limits.corridor_day_max, "corridor_limit_exceeded")
    sent_by_sender[corridor_id, terms.sender, terms.sender_reference, day] = by_sender
    sent_in_corridor[corridor_id, day] = in_corridor


def end(uetr: str, transfer: Transfer, state: str, reason: str) -> bool:
    require_reason(reason)
    if transfer.state == state and transfer.reason == reason:
        return False
    require(transfer.state == "accepted", "transfer_not_open")
    release(uetr, transfer, state, reason)
    return True


def release(uetr: str, transfer: Transfer, state: str, reason: str) -> None:
    """Unlock everything that `accept` locked, and take the amount off the limits of the day when it was counted."""
    terms = transfer.terms
    unlock(terms.source_currency, terms.sender, terms.source_amount + transfer.fee)
    if terms.source_currency != terms.target_currency:
        unlock(terms.target_currency, transfer.fx_provider, terms.target_amount)
    sent_by_sender[transfer.corridor, terms.sender, terms.sender_reference, transfer.day] -= terms.source_amount
    sent_in_corridor[transfer.corridor, transfer.day] -= terms.source_amount
    transfers[uetr] = transfer.replace(state=state, reason=reason)
    Released(uetr=uetr, state=state, reason=reason, by=ctx.sender)


def record_redemption(redemption_id: str, terms: RedemptionTerms, state: str, reason: str) -> None:
    redemptions[redemption_id] = Redemption(terms=terms, state=state, reason=reason)
    RedemptionChanged(
        redemption=redemption_id, participant=terms.participant, currency=terms.currency, amount=terms.amount,
        state=state, reason=reason, by=ctx.sender,
    )


def has_passed(screening: Screening | None) -> bool:
    return screening is not None and screening.passed


# Who may, and what is well formed


def require_role(role: str) -> None:
    require(role in ctx.roles, "role_missing")


def require_participant(participant_id: str) -> None:
    """The caller acts for this participant, in the role that the participant was admitted for."""
    require(participant_id in participants, "participant_unknown")
    entry = participants[participant_id]
    require(entry.organisation == ctx.organisation, "not_your_participant")
    require_role(entry.kind)


def require_institution(participant_id: str) -> None:
    require_participant(participant_id)
    require(is_kind(participant_id, "institution"), "not_an_institution")


def require_bank_of(currency: str) -> None:
    require_role("settlement_bank")
    require(currency in currencies, "currency_unknown")
    require(currencies[currency].bank == ctx.organisation, "not_your_currency")


def require_redemption(redemption_id: str) -> RedemptionTerms:
    require(redemption_id in redemptions, "redemption_unknown")
    terms = redemptions[redemption_id].terms
    require_bank_of(terms.currency)
    return terms


def require_regulated(corridor_id: str) -> Corridor:
    require_role("regulator")
    require(corridor_id in corridors, "corridor_unknown")
    corridor = corridors[corridor_id]
    ours = corridor.opened_by == ctx.organisation or corridor.approved_by == ctx.organisation
    require(ours, "not_your_corridor")
    return corridor


def require_transfer(uetr: str) -> Transfer:
    require(uetr in transfers, "transfer_unknown")
    return transfers[uetr]


def require_open(transfer: Transfer) -> None:
    require(transfer.state == "accepted", "transfer_not_open")
    require(ctx.time <= transfer.expires_at, "transfer_expired")


def require_partners(partners: list[str]) -> None:
    require(len(partners) > 0 and len(partners) <= PARTNERS_MAX, "partners_out_of_range")
    for partner in partners:
        require(is_kind(partner, "institution"), "institution_unknown")


def is_kind(participant_id: str, kind: str) -> bool:
    return participant_id in participants and participants[participant_id].kind == kind


def require_amount(amount: int) -> None:
    require(0 < amount <= AMOUNT_MAX, "amount_out_of_range")


def require_id(identifier: str) -> None:
    require(len(identifier) > 0 and len(identifier) <= ID_LENGTH_MAX, "id_malformed")


def require_reason(reason: str) -> None:
    require(len(reason) == 4 and consists_of(reason, CAPITALS_AND_DIGITS), "reason_malformed")


def is_uetr(uetr: str) -> bool:
    """A version 4 UUID in lower case: 8-4-4-4-12 hexadecimal digits."""
    if len(uetr) != 36 or uetr[14] != "4" or uetr[19] not in "89ab":
        return False
    parts = uetr.split("-")
    return [len(part) for part in parts] == [8, 4, 4, 4, 12] and consists_of("".join(parts), HEX_DIGITS)


def consists_of(text: str, alphabet: str) -> bool:
    return all([character in alphabet for character in text])
