"""The greeting after TLS: both sides say who they are and on which chain, and one of them decides that they talk.

Both dial each other, so two connections may come up at once. The validator with the smaller id decides which one
lives: it answers the greeting with a welcome that carries a rising number, and the other side uses a connection only
when welcomed, the highest number winning. Two nodes can so never hold on to different connections.
"""

from typing import Any, Final

from chain.crypto import DIGEST_BYTES
from chain.encoding import DecodeError, decode, encode, fields_of
from chain.identity import is_name
from chain.types import Digest, Height, ValidatorId
from chain.values import dataclass
from network.errors import DETAIL_CHARACTERS_MAX, DisconnectError, Reason
from network.framing import Channel, FrameStream, encode_frame

NETWORK_VERSION: Final = 1
"""Version of the greeting, the frames and the request kinds."""

INSTANCE_BYTES: Final = 16

_HELLO: Final = 1
_WELCOME: Final = 2
_REFUSAL: Final = 3


@dataclass(frozen=True, slots=True)
class Hello:
    """The first frame in each direction."""

    chain_id: Digest
    validator_id: ValidatorId
    head_height: Height
    instance: bytes
    """Random for each run of a node's network: a new one means that the old connection is dead."""
    version: int = NETWORK_VERSION

    def encoded(self) -> bytes:
        """Return the payload. Kind and version keep their places in all versions."""
        return encode([_HELLO, self.version, self.chain_id, self.validator_id, self.head_height, self.instance])


def decode_hello(payload: bytes) -> Hello:
    """Return the greeting in a payload.

    Raises:
        DisconnectError: OTHER_VERSION when it is of another version, MALFORMED when it is no greeting.
    """
    try:
        value = decode(payload, depth_max=4)
        if type(value) is not list or len(value) < 2 or value[0] != _HELLO or type(value[1]) is not int:
            raise DecodeError("not a greeting")
        if value[1] != NETWORK_VERSION:
            raise DisconnectError(Reason.OTHER_VERSION, f"peer speaks {value[1]}, this node {NETWORK_VERSION}")
        kinds = (_HELLO, NETWORK_VERSION, bytes, str, int, bytes)
        _, version, chain_id, validator_id, head, instance = fields_of(value, "greeting", *kinds)
    except DecodeError as error:
        raise DisconnectError(Reason.MALFORMED, str(error)) from error
    if len(chain_id) != DIGEST_BYTES or not is_name(validator_id) or head < 0 or len(instance) != INSTANCE_BYTES:
        raise DisconnectError(Reason.MALFORMED, "greeting with a field out of its range")
    return Hello(Digest(chain_id), ValidatorId(validator_id), Height(head), instance, version)


def check_hello(theirs: Hello, ours: Hello, allowed: frozenset[ValidatorId]) -> None:
    """Check a greeting against our own and the validators that the certificate may speak for.

    Raises:
        DisconnectError: OTHER_CHAIN or WRONG_PEER.
    """
    if theirs.chain_id != ours.chain_id:
        detail = f"peer is on {theirs.chain_id.hex()[:16]}, this node on {ours.chain_id.hex()[:16]}"
        raise DisconnectError(Reason.OTHER_CHAIN, detail)
    if theirs.validator_id not in allowed:
        expected = ", ".join(sorted(allowed)) or "nobody"
        raise DisconnectError(Reason.WRONG_PEER, f"{theirs.validator_id} where {expected} was expected")


def send_hello(stream: FrameStream, ours: Hello) -> None:
    """Hand over our greeting."""
    stream.put(encode_frame(Channel.CONTROL, ours.encoded()))


async def receive_hello(stream: FrameStream) -> Hello:
    """Return the peer's greeting; a refusal in its place is raised as such.

    Raises:
        DisconnectError: when the connection ends, the peer refuses, or the greeting is not acceptable.
    """
    frame = await stream.read_frame()
    _raise_refusal(frame.payload)
    return decode_hello(frame.payload)


def send_welcome(stream: FrameStream, number: int) -> None:
    """Hand over the decision that this connection is used."""
    stream.put(encode_frame(Channel.CONTROL, encode([_WELCOME, number])))


async def receive_welcome(stream: FrameStream) -> int:
    """Return the number of the peer's welcome.

    Raises:
        DisconnectError: when the connection ends, the peer refuses, or something else comes in its place.
    """
    frame = await stream.read_frame()
    _raise_refusal(frame.payload)
    try:
        _, number = fields_of(decode(frame.payload, depth_max=4), "welcome", _WELCOME, int)
    except DecodeError as error:
        raise DisconnectError(Reason.MALFORMED, str(error)) from error
    return int(number)


def send_refusal(stream: FrameStream, why: DisconnectError) -> None:
    """Hand over the reason for which this connection is not used."""
    stream.put(encode_frame(Channel.CONTROL, encode([_REFUSAL, str(why.reason), why.detail])))


def _raise_refusal(payload: bytes) -> None:
    try:
        value: Any = decode(payload, depth_max=4)
        _, reason, detail = fields_of(value, "refusal", _REFUSAL, str, str)
    except DecodeError:
        return
    known = {item.value: item for item in Reason}
    # A duplicate is no fault, and its name keeps the dialer from reporting one.
    named = Reason.DUPLICATE if known.get(reason) is Reason.DUPLICATE else Reason.REFUSED
    raise DisconnectError(named, f"{reason[:40]}: {detail[:DETAIL_CHARACTERS_MAX]}")
