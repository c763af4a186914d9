"""An escrow of goods: a buyer orders, the seller delivers in time, or the buyer takes the order back."""

HOUR = 60 * 60 * 1000
DAYS_MAX = 90

Order = Record(buyer=str, seller=str, amount=int, due=int, state=str)

orders = Map(str, Order)
earned = Map(str, int, default=0)

Changed = Event(order=str, state=str, by=str)


@call
def place(order: str, seller: str, amount: int, days: int) -> int:
    """Order from a seller, to be delivered within some days; returns until when."""
    require(order != "" and len(order) <= 64, "order_malformed")
    require(order not in orders, "order_exists")
    require(seller != "" and len(seller) <= 64 and seller != ctx.sender, "seller_malformed")
    require(0 < amount <= 10**15, "amount_out_of_range")
    require(0 < days <= DAYS_MAX, "days_out_of_range")
    due = ctx.time + days * 24 * HOUR
    orders[order] = Order(buyer=ctx.sender, seller=seller, amount=amount, due=due, state="placed")
    Changed(order=order, state="placed", by=ctx.sender)
    return due


@call
def deliver(order: str) -> bool:
    """The seller delivers, not later than was agreed."""
    found = require_open(order)
    require(found.seller == ctx.sender, "not_the_seller")
    require(ctx.time <= found.due, "too_late")
    earned[found.seller] += found.amount
    change(order, found, "delivered")
    return True


@call
def take_back(order: str) -> bool:
    """The buyer takes an order back that was not delivered in time."""
    found = require_open(order)
    require(found.buyer == ctx.sender, "not_the_buyer")
    require(ctx.time > found.due, "too_early")
    change(order, found, "taken_back")
    return True


@view
def order_of(order: str) -> Order | None:
    """An order, None if there is none of this name."""
    return orders.get(order)


@view
def earned_by(seller: str) -> int:
    """What a seller has delivered, in the smallest unit."""
    return earned[seller]


def require_open(order: str) -> Order:
    require(order != "" and len(order) <= 64, "order_malformed")
    found = orders.get(order)
    require(found is not None, "order_unknown")
    require(found.state == "placed", "order_closed")
    return found


def change(order: str, found: Order, state: str) -> None:
    orders[order] = found.replace(state=state)
    Changed(order=order, state=state, by=ctx.sender)
