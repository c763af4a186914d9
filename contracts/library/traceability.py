"""Traceability of goods with serial numbers or lots, in the words of GS1 EPCIS 2.0 and CBV 2.0.

An institution's gateway turns each EPCIS event into one call here: the event's hash, its text, and the few facts that
decide who holds what, what is inside what, what was made from what, and what is recalled. What holds at every moment:

- Only the organisation that holds a thing ships it, packs it, uses it up or destroys it. A shipment is received by the
  organisation it was sent to; where the event named none that is known here, by any organisation.
- A thing is in one container at most and moves with it: its custody is that of the outermost container.
- What is destroyed, dispensed or used up is never seen again.
- Lot quantities are kept by double entry: over all accounts of a lot the sum is zero, ":created" being the debit side.
  Measured in one unit, what a transformation makes and declares as lost is what it has used up.
- A recall reaches every descendant, in steps of bounded size that anybody may drive on with `spread_recall`. What was
  reached, or belongs to a recalled lot, is not used up, sold or added to, so nothing slips past.
- A sensor reading outside the limits of a thing or of its container's contents marks it.
- Nothing is overwritten: each change of a thing keeps the state before it as a step. An error declaration puts the
  states before an event back, as further steps; the event stays, marked, with the ids of those that correct it.
- An equal event hash from the same organisation is a resend: it succeeds and changes nothing.

Things are named by canonical GS1 Digital Links, quantities are in millionths of their unit, times in milliseconds,
sensor values are integers with a scale. Accounts of a lot: an organisation, ">organisation" for goods on their way to
it (">" for anybody), a container, or a book-keeping account with a leading ":".
"""

MAKERS = ["brand", "manufacturer"]
HANDLERS = ["brand", "manufacturer", "carrier", "warehouse", "retailer"]
INSPECTORS = ["regulator", "customs"]
SALES = ["dispensing", "retail_selling"]
HASH_LENGTH = 64
IDENTIFIER_LENGTH_MAX = 200
LEVELS_MAX = 8
CONTENTS_MAX = 200
RANGES_MAX = 16
RECALLS_MAX = 20
PAGE = 50
PAGE_CHECKED = 500
FIRST_SPREAD = 32
SPREAD_MAX = 500
JOURNEY_MAX = 500
GTIN = "https://id.gs1.org/01/"

Reading = Record(kind=str, unit=str, low=int | None, high=int | None, scale=int, alarm=bool)
Range = Record(kind=str, unit=str, low=int, high=int, scale=int)
Quantity = Record(lot=str, amount=int | None, unit=str)
Head = Record(hash=str, time=int, step=str, place=str, recall=str, readings=list[Reading], text=str)

Item = Record(
    status=str,
    maker=str,
    holder=str,
    bound_for=str,
    carrier=str,
    parent=str,
    parent_step=int,
    attached_to=str,
    levels=int,
    lot=str,
    place=str,
    breach=int,
    steps=int,
    last=int,
)
Step = Record(number=int, event=str, before=Item)
Lot = Record(maker=str, unit=str | None, breach=str, steps=int)
Entry = Record(
    number=int,
    method=str,
    by=str,
    organisation=str,
    time=int,
    recorded=int,
    step=str,
    place=str,
    touched=int,
    unlisted=list[str],
    error=str,
    error_time=int,
    error_number=int,
    corrections=list[str],
)
Recall = Record(subject=str, by=str, open=bool, found=int, done=int, cursor=str, cursor_event=str)

Passport = Record(
    item=Item,
    status=str,
    holder=str,
    container=str,
    product=str,
    recalled=bool,
    recalls_complete=bool,
    out_of_range=bool,
    made_from=list[str],
)
Passage = Record(
    event=str,
    number=int,
    subject=str,
    method=str,
    organisation=str,
    time=int,
    step=str,
    place=str,
    error=str,
)
Span = Record(subject=str, index=int, after=int, until=int)
Sighting = Record(subject=str, status=str, holder=str, bound_for=str, place=str, amount=int)
Account = Record(account=str, amount=int)

goods = Map(str, Item)
steps = Map((str, int), Step)
lots = Map(str, Lot)
lot_events = Map((str, int), str)
books = Map((str, str), int, default=0)
moves = Map((str, str, str, str), int, default=0)
inside = Map((str, str), bool)
attached = Map((str, str), bool)
made_into = Map((str, str, str), bool)
made_from = Map((str, str, str), bool)
limits = Map(str, list[Range], default=[])
owners = Map(str, str)
licences = Map((str, str), bool)
parties = Map(str, str)
trades = Map((str, str), str)
entries = Map(str, Entry)
texts = Map(str, str)
error_texts = Map(str, str)
numbers = Var(int, default=0)
recalls = Map(str, Recall)
reached = Map((str, str), bool)
queue = Map((str, int), str)
spreading = Var(int, default=0)

Recorded = Event(hash=str, method=str, by=str, number=int)
OutOfRange = Event(subject=str, hash=str)
RecallOpened = Event(recall=str, subject=str, by=str)
RecallLifted = Event(recall=str, subject=str, by=str)
DeclaredInError = Event(hash=str, reason=str, by=str)


# Who is who


@call
def register_party(identifier: str, organisation: str) -> bool:
    """An organisation says which GLN is its own; a regulator may say it, or correct it, for any."""
    require_identifier(identifier)
    regulator = has_role(["regulator"])
    require(regulator or organisation == ctx.organisation, "party_not_own")
    known = parties.get(identifier)
    require(regulator or known is None or known == organisation, "party_taken")
    parties[identifier] = organisation
    return True


@call
def license_product(product: str, organisation: str, allowed: bool) -> bool:
    """The owner of a product (the first who commissioned it) lets another organisation make it, or no more."""
    require(owners.get(product) == ctx.organisation, "not_owner")
    if allowed:
        licences[product, organisation] = True
    else:
        del licences[product, organisation]
    return True


# Goods come into being and go


@call
def commission(head: Head, items: list[str], quantities: list[Quantity], lot: str, ranges: list[Range]) -> str:
    """New things and lot quantities (ObjectEvent ADD), with their lot number and storage limits."""
    if is_new(head):
        touched = 0
        for subject in items:
            touched += create(head, subject, lot, ranges)
        for quantity in quantities:
            produce(head, quantity, ranges)
        announce(head, items, quantities)
        finish(head, "commission", touched, [])
    return head.hash


@call
def decommission(head: Head, items: list[str], quantities: list[Quantity]) -> str:
    """Things and quantities that exist no more (ObjectEvent DELETE): destroyed, or dispensed to a patient or buyer."""
    if is_new(head):
        end = "dispensed" if head.step in SALES else "destroyed"
        touched = 0
        for subject in items:
            record = held(subject)
            require_sound(head, subject, record)
            require(len(inside.keys(prefix=subject, limit=1)) == 0, "container_not_empty")
            touched += advance(head, subject, record, record.replace(status=end))
        for quantity in quantities:
            require_sound_lot(head, quantity.lot)
            shift(head, quantity, ctx.organisation, f":{end}")
        announce(head, items, quantities)
        finish(head, "decommission", touched, [])
    return head.hash


@call
def transform(
    head: Head,
    name: str,
    inputs: list[str],
    used: list[Quantity],
    outputs: list[str],
    made: list[Quantity],
    losses: list[Quantity],
    lot: str,
    ranges: list[Range],
) -> str:
    """Inputs are used up, outputs come into being (TransformationEvent); events of one name form one transformation."""
    if is_new(head):
        node = "transformation " + (name if name != "" else head.hash)
        if name != "":
            require(owners.get(node, ctx.organisation) == ctx.organisation, "transformation_of_another")
            owners[node] = ctx.organisation
        require(not is_recalled(node), "item_recalled")
        touched = 0
        for subject in inputs:
            record = held(subject)
            require(not is_recalled(subject) and not is_recalled(record.lot), "item_recalled")
            require(len(inside.keys(prefix=subject, limit=1)) == 0, "container_not_empty")
            touched += advance(head, subject, record, record.replace(status="consumed"))
            link(head, subject, node)
        for quantity in used:
            require(not is_recalled(quantity.lot), "lot_recalled")
            shift(head, quantity, ctx.organisation, ":consumed")
            link(head, quantity.lot, node)
        for subject in outputs:
            touched += create(head, subject, lot, ranges)
            link(head, node, subject)
        for quantity in made:
            produce(head, quantity, ranges)
            link(head, node, quantity.lot)
        balance(head, node, name == "", used, made, losses)
        finish(head, "transform", touched, [])
    return head.hash


# Custody


@call
def ship(head: Head, items: list[str], quantities: list[Quantity], destinations: list[str]) -> str:
    """The holder sends things away (shipping, departing); a carrier in charge may depart with them again."""
    if is_new(head):
        known = [parties[identifier] for identifier in destinations if identifier in parties]
        to = known[0] if len(known) > 0 else ""
        touched = 0
        for subject in items:
            record = usable(subject)
            if head.step == "departing" and record.status == "in_transit":
                sent = watched(head, record)
            else:
                sent = held(subject).replace(status="in_transit", bound_for=to, carrier="")
            touched += advance(head, subject, record, sent)
        for quantity in quantities:
            shift(head, quantity, ctx.organisation, f">{to}")
        announce(head, items, quantities)
        finish(head, "ship", touched, [])
    return head.hash


@call
def receive(head: Head, items: list[str], quantities: list[Quantity]) -> str:
    """The organisation that things were sent to takes them over (receiving, accepting)."""
    if is_new(head):
        touched = 0
        for subject in items:
            record = usable(subject)
            require(record.parent == "", "item_is_packed")
            require(record.status == "in_transit", "not_in_transit")
            require(record.bound_for == "" or record.bound_for == ctx.organisation, "not_addressee")
            got = record.replace(status="active", holder=ctx.organisation, bound_for="", carrier="")
            touched += advance(head, subject, record, got)
        for quantity in quantities:
            require(quantity.lot in lots, "lot_unknown")
            addressed = f">{ctx.organisation}"
            amount = required_amount(quantity)
            first = min(amount, books[quantity.lot, addressed])
            if first > 0:
                shift(head, quantity.replace(amount=first), addressed, ctx.organisation)
            if amount > first:
                shift(head, quantity.replace(amount=amount - first), ">", ctx.organisation)
        announce(head, items, quantities)
        finish(head, "receive", touched, [])
    return head.hash


@call
def observe(head: Head, items: list[str], quantities: list[Quantity]) -> str:
    """Things are seen, measured or carried (any other ObjectEvent OBSERVE); recalled or spoilt ones are not sold."""
    if is_new(head):
        touched = 0
        for subject in items:
            record = usable(subject)
            require_sound(head, subject, record)
            touched += advance(head, subject, record, record if head.recall != "" else watched(head, record))
        for quantity in quantities:
            require_sound_lot(head, quantity.lot)
            look_at(head, quantity)
        announce(head, items, quantities)
        finish(head, "observe", touched, [])
    return head.hash


# Containment


@call
def pack(head: Head, parent: str, items: list[str], quantities: list[Quantity]) -> str:
    """Things go into a container (AggregationEvent ADD); a new logistic unit comes into being by being packed."""
    if is_new(head):
        touched = 0
        before = goods.get(parent, blank())
        if before.status == "void":
            require(product_of(parent) == "", "item_unknown")
            outer = new_item(head, parent, "", [])
        else:
            outer = held(parent)
        levels = max(outer.levels, 1)
        for subject in items:
            require(subject != parent, "packed_into_itself")
            record = held(subject)
            levels = max(levels, record.levels + 1)
            adopt(parent, ranges_of(subject, record.lot))
            inside[parent, subject] = True
            packed = record.replace(parent=parent, parent_step=outer.steps + 1)
            touched += advance(head, subject, record, packed)
        for quantity in quantities:
            shift(head, quantity, ctx.organisation, parent)
            adopt(parent, ranges_of(quantity.lot, ""))
            inside[parent, quantity.lot] = True
        require(levels <= LEVELS_MAX, "nested_too_deep")
        touched += advance(head, parent, before, outer.replace(levels=levels))
        finish(head, "pack", touched, [])
    return head.hash


@call
def unpack(head: Head, parent: str, items: list[str], quantities: list[Quantity]) -> str:
    """Things come out of a container (AggregationEvent DELETE); an event that names none means all."""
    if is_new(head):
        outer = held(parent)
        everything = len(items) == 0 and len(quantities) == 0
        found = contents_of(parent) if everything else []
        require(len(found) <= CONTENTS_MAX, "list_the_contents")
        taken = items + [subject for subject in found if subject in goods]
        touched = 0
        for subject in taken:
            record = usable(subject)
            require(record.parent == parent, "not_in_container")
            del inside[parent, subject]
            breach = record.steps + 1 if outer.breach > record.parent_step else record.breach
            out = record.replace(parent="", parent_step=0, holder=outer.holder, breach=breach)
            touched += advance(head, subject, record, out)
        for lot in [subject for subject in found if subject not in goods]:
            unit = lots[lot].unit
            require(unit is not None, "unit_mismatch")
            take_out(head, parent, outer, Quantity(lot=lot, amount=books[lot, parent], unit=unit))
        for quantity in quantities:
            take_out(head, parent, outer, quantity)
        empty = len(inside.keys(prefix=parent, limit=1)) == 0
        if empty:
            del limits[parent]
        touched += advance(head, parent, outer, outer.replace(levels=0 if empty else outer.levels))
        finish(head, "unpack", touched, taken if everything else [])
    return head.hash


@call
def check_contents(head: Head, parent: str, items: list[str], quantities: list[Quantity]) -> str:
    """Somebody looks into a container (AggregationEvent OBSERVE) and finds what should be there."""
    if is_new(head):
        outer = usable(parent)
        touched = advance(head, parent, outer, watched(head, outer))
        for subject in items:
            record = usable(subject)
            require(record.parent == parent, "not_in_container")
            touched += advance(head, subject, record, record)
        for quantity in quantities:
            require(quantity.lot in lots, "lot_unknown")
            amount = required_amount(quantity)
            require(books[quantity.lot, parent] >= amount, "not_in_container")
        finish(head, "check_contents", touched, [])
    return head.hash


# Business documents and attached devices


@call
def trade(head: Head, action: str, items: list[str], quantities: list[Quantity], documents: list[str]) -> str:
    """Goods are put under business documents, or taken from under them (TransactionEvent)."""
    if is_new(head):
        touched = 0
        for subject in items:
            record = usable(subject)
            touched += advance(head, subject, record, watched(head, record))
        for quantity in quantities:
            look_at(head, quantity)
        for document in documents:
            require(len(document) <= IDENTIFIER_LENGTH_MAX, "bad_identifier")
            trades[document, head.hash] = action
        finish(head, "trade", touched, [])
    return head.hash


@call
def associate(head: Head, parent: str, items: list[str]) -> str:
    """Things are attached to another thing or to a place (AssociationEvent ADD), such as a sensor to a container."""
    if is_new(head):
        require(parent in goods or parent.startswith("https://id.gs1.org/414/"), "item_unknown")
        touched = 0
        for subject in items:
            record = usable(subject)
            require(subject != parent, "attached_to_itself")
            require(outermost(record).holder == ctx.organisation, "not_holder")
            require(record.attached_to == "", "already_attached")
            attached[parent, subject] = True
            touched += advance(head, subject, record, record.replace(attached_to=parent))
        finish(head, "associate", touched, [])
    return head.hash


@call
def dissociate(head: Head, parent: str, items: list[str]) -> str:
    """Attached things are taken off (AssociationEvent DELETE); an event that names none means all."""
    if is_new(head):
        found = [] if len(items) > 0 else [item for thing, item in attached.keys(prefix=parent, limit=CONTENTS_MAX + 1)]
        require(len(found) <= CONTENTS_MAX, "list_the_contents")
        taken = items + found
        touched = 0
        for subject in taken:
            record = usable(subject)
            require(record.attached_to == parent, "not_attached")
            require(outermost(record).holder == ctx.organisation, "not_holder")
            del attached[parent, subject]
            touched += advance(head, subject, record, record.replace(attached_to=""))
        finish(head, "dissociate", touched, found)
    return head.hash


# Errors


@call
def declare_error(event: str, time: int, reason: str, corrections: list[str], items: list[str], text: str) -> str:
    """The organisation that recorded an event declares it wrong: what it changed is put back, unless more followed."""
    entry = entries.get(event)
    require(entry is not None, "event_unknown")
    require(entry.organisation == ctx.organisation, "not_recorder")
    if entry.error_number > 0:
        return event
    number = numbers.value + 1
    numbers.value = number
    restored = 0
    for subject in items + entry.unlisted:
        record = goods.get(subject)
        if record is not None and record.last > 0:
            restored += put_back(event, number, subject, record)
    require(restored == entry.touched, "later_events_exist")
    reverse_moves(event)
    index = 0
    while f"{event}.{index}" in recalls:
        close_recall(f"{event}.{index}")
        index += 1
    corrected = entry.replace(error=reason, error_time=time, error_number=number, corrections=corrections)
    entries[event] = corrected
    error_texts[event] = text
    DeclaredInError(hash=event, reason=reason, by=ctx.sender)
    return event


def reverse_moves(event: str) -> None:
    """Move quantities back to the accounts that they came from."""
    lot, source, target = "", "", ""
    more = True
    while more:
        page = moves.items(prefix=event, after=(event, lot, source, target), limit=PAGE)
        for (name, lot, source, target), amount in page:
            require(target.startswith(":") or books[lot, target] >= amount, "later_events_exist")
            books[lot, target] -= amount
            books[lot, source] += amount
            note_contents(lot, source)
            note_contents(lot, target)
        more = len(page) == PAGE


def put_back(event: str, number: int, subject: str, record: Item) -> int:
    """Restore the state before an event, as a further step; 0 if another event changed the thing last."""
    step = steps[subject, record.last]
    if step.event != event:
        return 0
    before = step.before
    if before.parent != record.parent:
        if record.parent != "":
            del inside[record.parent, subject]
        if before.parent != "":
            inside[before.parent, subject] = True
            adopt(before.parent, ranges_of(subject, record.lot))
    if before.attached_to != record.attached_to:
        if record.attached_to != "":
            del attached[record.attached_to, subject]
        if before.attached_to != "":
            attached[before.attached_to, subject] = True
    steps[subject, record.steps + 1] = Step(number=number, event=event, before=record)
    goods[subject] = before.replace(steps=record.steps + 1)
    return 1


# Recalls


@call
def spread_recall(recall: str, budget: int) -> bool:
    """Carry a recall on to further descendants; anybody may do this. True once all are reached."""
    require(recall in recalls, "recall_unknown")
    require(0 < budget <= SPREAD_MAX, "budget_out_of_range")
    spread(recall, budget)
    return recalls[recall].done == recalls[recall].found


def announce(head: Head, items: list[str], quantities: list[Quantity]) -> None:
    """Open or lift recalls, if the event sets or unsets the persistent disposition "recalled"."""
    if head.recall != "":
        subjects = items + [quantity.lot for quantity in quantities]
        for index, subject in enumerate(subjects):
            owner = owners.get(product_of(subject))
            require(owner is not None, "recall_needs_product")
            require(owner == ctx.organisation or has_role(["regulator"]), "not_permitted")
            if head.recall == "open":
                open_recall(f"{head.hash}.{index}", subject, max(FIRST_SPREAD // len(subjects), 1))
            else:
                lift_recalls(subject)


def open_recall(recall: str, subject: str, budget: int) -> None:
    recalls[recall] = Recall(
        subject=subject, by=ctx.organisation, open=True, found=1, done=0, cursor="", cursor_event=""
    )
    queue[recall, 0] = subject
    reached[subject, recall] = True
    spreading.value += 1
    RecallOpened(recall=recall, subject=subject, by=ctx.sender)
    spread(recall, budget)


def lift_recalls(subject: str) -> None:
    lifted = 0
    for (name, recall), origin in reached.items(prefix=subject, limit=RECALLS_MAX):
        if origin and recalls[recall].open:
            close_recall(recall)
            lifted += 1
    require(lifted > 0, "recall_not_open")


def close_recall(recall: str) -> None:
    state = recalls[recall]
    if state.open:
        recalls[recall] = state.replace(open=False)
        if state.done < state.found:
            spreading.value -= 1
        RecallLifted(recall=recall, subject=state.subject, by=ctx.sender)


def spread(recall: str, budget: int) -> None:
    """Go through the queue of things found: mark what each was made into, and queue that in turn."""
    state = recalls[recall]
    found, done, cursor, cursor_event = state.found, state.done, state.cursor, state.cursor_event
    while budget > 0 and done < found and state.open:
        node = queue[recall, done]
        size = min(budget, 100)
        products = made_into.keys(prefix=node, after=(node, cursor, cursor_event), limit=size)
        for name, product, event in products:
            cursor, cursor_event = product, event
            if (product, recall) not in reached and entries[event].error_number == 0:
                mark(recall, found, product)
                found += 1
        budget -= max(len(products), 1)
        if len(products) < size:
            done += 1
            cursor, cursor_event = "", ""
    recalls[recall] = state.replace(found=found, done=done, cursor=cursor, cursor_event=cursor_event)
    if done == found and state.done < state.found and state.open:
        spreading.value -= 1


def mark(recall: str, index: int, subject: str) -> None:
    queue[recall, index] = subject
    reached[subject, recall] = False


def is_recalled(subject: str) -> bool:
    """True too for what was recalled more often than can be looked through."""
    found = reached.keys(prefix=subject, limit=RECALLS_MAX)
    return len(found) == RECALLS_MAX or any([recalls[recall].open for name, recall in found])


# What every event does


def is_new(head: Head) -> bool:
    """Take the next number for an event; False for a resend."""
    require(len(head.hash) == HASH_LENGTH, "bad_hash")
    known = entries.get(head.hash)
    if known is not None:
        require(known.organisation == ctx.organisation, "event_of_another")
        return False
    entries[head.hash] = Entry(
        number=numbers.value + 1,
        method="",
        by=ctx.sender,
        organisation=ctx.organisation,
        time=head.time,
        recorded=ctx.time,
        step=head.step,
        place=head.place,
        touched=0,
        unlisted=[],
        error="",
        error_time=0,
        error_number=0,
        corrections=[],
    )
    numbers.value += 1
    return True


def finish(head: Head, method: str, touched: int, unlisted: list[str]) -> None:
    entries[head.hash] = entries[head.hash].replace(method=method, touched=touched, unlisted=unlisted)
    texts[head.hash] = head.text
    Recorded(hash=head.hash, method=method, by=ctx.sender, number=numbers.value)


def advance(head: Head, subject: str, before: Item, after: Item) -> int:
    """Every event of a thing goes through here and becomes a step; 1 if it changed more than its place."""
    index = before.steps + 1
    if is_out_of_range(head, subject, before.lot):
        after = after.replace(breach=index)
        OutOfRange(subject=subject, hash=head.hash)
    changed = after != before
    steps[subject, index] = Step(number=numbers.value, event=head.hash, before=before)
    place = head.place if head.place != "" else before.place
    goods[subject] = after.replace(steps=index, last=index if changed else before.last, place=place)
    return 1 if changed else 0


def create(head: Head, subject: str, lot_number: str, ranges: list[Range]) -> int:
    made = new_item(head, subject, lot_number, ranges)
    return advance(head, subject, goods.get(subject, blank()), made)


def new_item(head: Head, subject: str, lot_number: str, ranges: list[Range]) -> Item:
    """A new thing, held by the organisation that makes it; logistic units without a product are anybody's to make."""
    require_identifier(subject)
    before = goods.get(subject, blank())
    require(before.status == "void", "item_exists")
    product = product_of(subject)
    lot = ""
    if product == "":
        require(has_role(HANDLERS), "not_permitted")
    else:
        claim(product)
        lot = f"{product}/10/{lot_number}" if lot_number != "" else ""
        adopt(lot if lot != "" else product, ranges)
    if lot != "":
        require(not is_recalled(lot), "lot_recalled")
        if lot not in lots:
            lots[lot] = Lot(maker=ctx.organisation, unit=None, breach="", steps=0)
        made_into[lot, subject, head.hash] = True
    return before.replace(status="active", maker=ctx.organisation, holder=ctx.organisation, lot=lot)


def blank() -> Item:
    return Item(
        status="void",
        maker="",
        holder="",
        bound_for="",
        carrier="",
        parent="",
        parent_step=0,
        attached_to="",
        levels=0,
        lot="",
        place="",
        breach=0,
        steps=0,
        last=0,
    )


def usable(subject: str) -> Item:
    """A thing that exists."""
    record = goods.get(subject, blank())
    require(record.status != "void", "item_unknown")
    require(record.status != "destroyed", "item_destroyed")
    require(record.status != "dispensed", "item_dispensed")
    require(record.status != "consumed", "item_consumed")
    return record


def held(subject: str) -> Item:
    """A thing that the caller's organisation holds in its own hands, not inside of another."""
    record = usable(subject)
    require(outermost(record).holder == ctx.organisation, "not_holder")
    require(record.parent == "", "item_is_packed")
    require(record.status == "active", "item_in_transit")
    return record


def outermost(record: Item) -> Item:
    while record.parent != "":
        record = goods[record.parent]
    return record


def watched(head: Head, record: Item) -> Item:
    """A thing that the caller may report on: as holder, sender, addressee or inspector, or as the carrier in charge.

    The first carrier that reports on a shipment is in charge of it, until it reports its arrival.
    """
    outer = outermost(record)
    if outer.holder == ctx.organisation or outer.bound_for == ctx.organisation or has_role(INSPECTORS):
        return record
    require(outer.status == "in_transit" and has_role(["carrier"]), "not_holder")
    require(outer.carrier == "" or outer.carrier == ctx.organisation, "carrier_of_another")
    if record.parent != "":
        require(outer.carrier == ctx.organisation, "not_holder")
        return record
    return record.replace(carrier="" if head.step == "arriving" else ctx.organisation)


def require_sound(head: Head, subject: str, record: Item) -> None:
    """What is recalled or was out of range is not sold or dispensed, nor hidden in a container that is."""
    if head.step in SALES:
        require(not is_recalled(subject) and not is_recalled(record.lot), "item_recalled")
        require(not was_out_of_range(record), "item_out_of_range")
        require(len(inside.keys(prefix=subject, limit=1)) == 0, "container_not_empty")


def require_identifier(text: str) -> None:
    web = text.startswith("https://") or text.startswith("http://") or text.startswith("urn:")
    require(web and len(text) <= IDENTIFIER_LENGTH_MAX, "bad_identifier")


def has_role(wanted: list[str]) -> bool:
    return any([role in wanted for role in ctx.roles])


def product_of(subject: str) -> str:
    """The product that a serial number or lot belongs to; empty for logistic units, assets and places."""
    if not subject.startswith(GTIN):
        return ""
    return GTIN + subject.removeprefix(GTIN).split("/")[0]


def claim(product: str) -> None:
    """A product belongs to the first maker that commissions it; others need its licence."""
    require(has_role(MAKERS), "not_permitted")
    owner = owners.get(product)
    if owner is None:
        owners[product] = ctx.organisation
    else:
        require(owner == ctx.organisation or (product, ctx.organisation) in licences, "product_of_another")


def link(head: Head, ancestor: str, descendant: str) -> None:
    made_into[ancestor, descendant, head.hash] = True
    made_from[descendant, ancestor, head.hash] = True


# Lots


def produce(head: Head, quantity: Quantity, ranges: list[Range]) -> None:
    require_identifier(quantity.lot)
    require(product_of(quantity.lot) != "", "bad_identifier")
    claim(product_of(quantity.lot))
    require(not is_recalled(quantity.lot), "lot_recalled")
    lot = lots.get(quantity.lot, Lot(maker=ctx.organisation, unit=None, breach="", steps=0))
    if lot.unit is None:
        lots[quantity.lot] = lot.replace(unit=quantity.unit)
    adopt(quantity.lot, ranges)
    shift(head, quantity, ":created", ctx.organisation)


def shift(head: Head, quantity: Quantity, source: str, target: str) -> None:
    """Move a quantity of a lot from one account to another."""
    require(quantity.lot in lots, "lot_unknown")
    amount = required_amount(quantity)
    require(source.startswith(":") or books[quantity.lot, source] >= amount, "insufficient_quantity")
    enter(head, quantity.lot, source, target, amount)
    note_lot(head, quantity.lot)


def enter(head: Head, subject: str, source: str, target: str, amount: int) -> None:
    books[subject, source] -= amount
    books[subject, target] += amount
    moves[head.hash, subject, source, target] += amount


def required_amount(quantity: Quantity) -> int:
    amount = amount_of(quantity)
    require(amount > 0, "quantity_not_positive")
    require(lots[quantity.lot].unit == quantity.unit, "unit_mismatch")
    return amount


def amount_of(quantity: Quantity) -> int:
    require(quantity.amount is not None, "quantity_missing")
    return quantity.amount


def note_lot(head: Head, subject: str) -> None:
    """An event of a lot becomes part of its history; a reading out of range marks it."""
    lot = lots[subject]
    lot_events[subject, lot.steps + 1] = head.hash
    breach = lot.breach
    if is_out_of_range(head, subject, ""):
        breach = head.hash
        OutOfRange(subject=subject, hash=head.hash)
    lots[subject] = lot.replace(steps=lot.steps + 1, breach=breach)


def note_contents(lot: str, account: str) -> None:
    """Keep the list of what is in a container right after a quantity went back."""
    if account in goods:
        if books[lot, account] > 0:
            inside[account, lot] = True
            adopt(account, ranges_of(lot, ""))
        else:
            del inside[account, lot]


def take_out(head: Head, parent: str, outer: Item, quantity: Quantity) -> None:
    require(quantity.lot in lots, "lot_unknown")
    require(books[quantity.lot, parent] >= required_amount(quantity), "not_in_container")
    shift(head, quantity, parent, outer.holder)
    if books[quantity.lot, parent] == 0:
        del inside[parent, quantity.lot]
    if outer.breach > 0:
        lots[quantity.lot] = lots[quantity.lot].replace(breach=steps[parent, outer.breach].event)


def look_at(head: Head, quantity: Quantity) -> None:
    lot = lots.get(quantity.lot)
    require(lot is not None, "lot_unknown")
    holder = books[quantity.lot, ctx.organisation] > 0 or lot.maker == ctx.organisation
    require(head.recall != "" or holder or has_role(INSPECTORS), "not_holder")
    note_lot(head, quantity.lot)


def require_sound_lot(head: Head, lot: str) -> None:
    if head.step in SALES:
        require(not is_recalled(lot), "lot_recalled")
        require(lot not in lots or not in_force(lots[lot].breach), "item_out_of_range")


def balance(
    head: Head, node: str, closed: bool, used: list[Quantity], made: list[Quantity], losses: list[Quantity]
) -> None:
    """What a transformation has made and lost of a unit is what it has used up of it, where it uses that unit."""
    for quantity in used:
        enter(head, f"{node} {quantity.unit}", ":used", ":open", amount_of(quantity))
    for quantity in made:
        enter(head, f"{node} {quantity.unit}", ":open", ":made", amount_of(quantity))
    for quantity in losses:
        require(quantity.amount is not None and quantity.amount >= 0, "quantity_missing")
        require(books[f"{node} {quantity.unit}", ":used"] < 0, "quantity_not_conserved")
        enter(head, f"{node} {quantity.unit}", ":open", ":lost", quantity.amount)
    for quantity in used + made:
        unit = f"{node} {quantity.unit}"
        if books[unit, ":used"] < 0 and books[unit, ":made"] > 0:
            left = books[unit, ":open"]
            require(left == 0 or (left > 0 and not closed), "quantity_not_conserved")
    for quantity in losses:
        require(books[f"{node} {quantity.unit}", ":open"] >= 0, "quantity_not_conserved")


# Limits and readings


def adopt(subject: str, ranges: list[Range]) -> None:
    """Add storage limits to those that a thing, lot, product or container has already."""
    if len(ranges) > 0:
        known = limits[subject]
        fresh = [limit for limit in ranges if limit not in known]
        require(len(known) + len(fresh) <= RANGES_MAX, "too_many_ranges")
        if len(fresh) > 0:
            limits[subject] = known + fresh


def ranges_of(subject: str, lot: str) -> list[Range]:
    """The limits of a thing: its own as a container, those of its lot, and those of its product."""
    ranges = limits[subject]
    if lot != "":
        ranges = ranges + limits[lot]
    return ranges + limits[product_of(subject)]


def is_out_of_range(head: Head, subject: str, lot: str) -> bool:
    if len(head.readings) == 0:
        return False
    ranges = ranges_of(subject, lot)
    return any([reading.alarm or exceeds(reading, ranges) for reading in head.readings])


def exceeds(reading: Reading, ranges: list[Range]) -> bool:
    out = False
    for limit in ranges:
        if limit.kind == reading.kind:
            require(limit.unit == reading.unit, "unit_mismatch")
            low = reading.low * 10**limit.scale < limit.low * 10**reading.scale
            out = out or low or reading.high * 10**limit.scale > limit.high * 10**reading.scale
    return out


def was_out_of_range(record: Item) -> bool:
    """A thing is marked by its own readings, those of its lot, and those of its containers while it was inside."""
    out = record.breach > 0 or (record.lot != "" and in_force(lots[record.lot].breach))
    while record.parent != "":
        outer = goods[record.parent]
        out = out or outer.breach > record.parent_step
        record = outer
    return out


def in_force(event: str) -> bool:
    return event != "" and entries[event].error_number == 0


def contents_of(parent: str) -> list[str]:
    return [item for box, item in inside.keys(prefix=parent, limit=CONTENTS_MAX + 1)]


# Views


@view
def passport(item: str) -> Passport:
    """What is known of a thing now. While recalls still spread (`recalls_complete` false) it may yet be reached."""
    require(item in goods, "item_unknown")
    record = goods[item]
    outer = outermost(record)
    return Passport(
        item=record,
        status=outer.status if record.status == "active" else record.status,
        holder=outer.holder,
        container=record.parent,
        product=product_of(item),
        recalled=is_recalled(item) or is_recalled(record.lot),
        recalls_complete=spreading.value == 0,
        out_of_range=was_out_of_range(record),
        made_from=origins(item, "", 100),
    )


@view
def journey(item: str, limit: int) -> list[Passage]:
    """Everything that happened to a thing, alone and inside of its containers, in order."""
    require(item in goods, "item_unknown")
    require(0 < limit <= JOURNEY_MAX, "limit_out_of_range")
    passages: list[Passage] = []
    spans = [Span(subject=item, index=1, after=0, until=numbers.value)]
    while len(spans) > 0 and len(passages) < limit:
        span = spans.pop()
        record = goods[span.subject]
        ended = span.index > record.steps
        number = 0
        if not ended:
            step = steps[span.subject, span.index]
            record = step.before
            number = step.number
            ended = number > span.until
        if ended:
            if record.parent != "" and span.after < span.until:
                spans.append(around(record, span.after, span.until))
        elif number <= span.after:
            spans.append(span.replace(index=span.index + 1))
        elif record.parent != "" and span.after < number - 1:
            spans.append(span.replace(after=number - 1))
            spans.append(around(record, span.after, number - 1))
        else:
            passages.append(passage(step.event, number, span.subject))
            spans.append(span.replace(index=span.index + 1, after=number))
    return passages


def around(record: Item, after: int, until: int) -> Span:
    """The steps of a container while a thing was inside."""
    return Span(subject=record.parent, index=record.parent_step + 1, after=after, until=until)


def passage(event: str, number: int, subject: str) -> Passage:
    entry = entries[event]
    declared = number == entry.error_number
    return Passage(
        event=event,
        number=number,
        subject=subject,
        method="declare_error" if declared else entry.method,
        organisation=entry.organisation,
        time=entry.error_time if declared else entry.time,
        step=entry.step,
        place=entry.place,
        error=entry.error if entry.error_number > 0 else "",
    )


@view
def show_event(hash: str) -> Entry:
    require(hash in entries, "event_unknown")
    return entries[hash]


@view
def event_text(hash: str) -> list[str]:
    """The event as it was captured, and its error declaration if there is one."""
    require(hash in entries, "event_unknown")
    return [texts[hash], error_texts[hash]] if hash in error_texts else [texts[hash]]


@view
def contents(container: str, after: str, limit: int) -> list[str]:
    return [item for box, item in inside.keys(prefix=container, after=(container, after), limit=limit)]


@view
def origins(subject: str, after: str, limit: int) -> list[str]:
    """What a thing, lot or transformation was made from, as far as recorded events say."""
    found = made_from.keys(prefix=subject, after=(subject, after), limit=limit)
    return [other for name, other, hash in found if entries[hash].error_number == 0]


@view
def descendants(subject: str, after: str, limit: int) -> list[str]:
    """What a thing, lot or transformation was made into; for a lot its serial numbers too."""
    found = made_into.keys(prefix=subject, after=(subject, after), limit=limit)
    return [other for name, other, hash in found if entries[hash].error_number == 0]


@view
def show_lot(identifier: str) -> Lot:
    require(identifier in lots, "lot_unknown")
    return lots[identifier]


@view
def lot_history(identifier: str, start: int, limit: int) -> list[str]:
    """Events of a lot, from the `start`-th on."""
    return lot_events.values(prefix=identifier, start=(identifier, start), limit=limit)


@view
def lot_accounts(identifier: str, after: str, limit: int) -> list[Account]:
    """Where a lot's quantities are; over all accounts they add up to zero."""
    found = books.items(prefix=identifier, after=(identifier, after), limit=limit)
    return [Account(account=account, amount=amount) for (name, account), amount in found]


@view
def show_recall(identifier: str) -> Recall:
    require(identifier in recalls, "recall_unknown")
    return recalls[identifier]


@view
def in_the_field(identifier: str, start: int, limit: int) -> list[Sighting]:
    """What a recall has reached and is neither destroyed, used up nor in the hands of its maker.

    Goes through the things found, from the `start`-th on; `show_recall` tells how many there are so far.
    """
    require(identifier in recalls, "recall_unknown")
    sightings = []
    for subject in queue.values(prefix=identifier, start=(identifier, start), limit=limit):
        if subject in goods:
            record = goods[subject]
            outer = outermost(record)
            at_home = outer.holder == record.maker and outer.status == "active"
            if record.status == "dispensed" or (record.status in ["active", "in_transit"] and not at_home):
                status = outer.status if record.status == "active" else record.status
                sightings.append(
                    Sighting(
                        subject=subject,
                        status=status,
                        holder=outer.holder,
                        bound_for=outer.bound_for,
                        place=outer.place,
                        amount=0,
                    )
                )
        elif subject in lots:
            sightings.extend(lot_sightings(subject))
    return sightings


def lot_sightings(subject: str) -> list[Sighting]:
    sightings = []
    for (name, account), amount in books.items(prefix=subject, limit=1000):
        if amount > 0 and account != lots[subject].maker and account not in [":consumed", ":destroyed"]:
            sightings.append(lot_sighting(subject, account, amount))
    return sightings


def lot_sighting(subject: str, account: str, amount: int) -> Sighting:
    seen = Sighting(subject=subject, status="active", holder=account, bound_for="", place="", amount=amount)
    if account.startswith(">"):
        seen = seen.replace(status="in_transit", holder="", bound_for=account.removeprefix(">"))
    elif account == ":dispensed":
        seen = seen.replace(status="dispensed", holder="")
    elif account in goods:
        outer = outermost(goods[account])
        seen = seen.replace(status=outer.status, holder=outer.holder, bound_for=outer.bound_for, place=outer.place)
    return seen


@view
def traded_under(document: str, after: str, limit: int) -> list[Passage]:
    """The events that put goods under a business document."""
    found = trades.keys(prefix=document, after=(document, after), limit=limit)
    return [passage(hash, entries[hash].number, document) for name, hash in found]


@view
def organisation_of(party: str) -> str:
    require(party in parties, "party_unknown")
    return parties[party]


# What auditors check over the whole history


@invariant
def quantities_add_up() -> list[str]:
    """Over all accounts of a lot its quantities add up to zero, and nobody holds less than none."""
    found: list[str] = []
    lot = ""
    total = 0
    last = ""
    while True:
        page = books.items(after=(lot, last), limit=PAGE_CHECKED)
        for (name, account), amount in page:
            if name != lot:
                if total != 0:
                    found.append(f"lot {lot}: its accounts add up to {total}")
                lot = name
                total = 0
            total += amount
            last = account
            if amount < 0 and not account.startswith(":"):
                found.append(f"lot {name}: {account} holds {amount}, less than none")
        if len(page) < PAGE_CHECKED:
            break
    if total != 0:
        found.append(f"lot {lot}: its accounts add up to {total}")
    return found
