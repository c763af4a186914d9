"""Ed25519 verification in plain Python, after RFC 8032: slow, and independent of the library that nodes use.

It stands in for that library where a Python of another version borrows no compiled package, and is what the library's
answers are compared with. Like it, it refuses keys and R values of small order and forms that are not canonical.
"""

import hashlib

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)

Point = tuple[int, int, int, int]
IDENTITY: Point = (0, 1, 1, 0)


def add(one: Point, other: Point) -> Point:
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c = 2 * one[3] * other[3] * D % P
    d = 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(scalar: int, point: Point) -> Point:
    result = IDENTITY
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def equal(one: Point, other: Point) -> bool:
    return (one[0] * other[2] - other[0] * one[2]) % P == 0 and (one[1] * other[2] - other[1] * one[2]) % P == 0


def decompress(data: bytes) -> Point | None:
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


def compress(point: Point) -> bytes:
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _base() -> Point:
    point = decompress((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
    assert point is not None
    return point


BASE = _base()


def verify(key: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether a signature of 64 bytes is a key's of 32 bytes over a message."""
    point, r = decompress(key), decompress(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if point is None or r is None or s >= L or equal(multiply(8, point), IDENTITY) or equal(multiply(8, r), IDENTITY):
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    return equal(multiply(s, BASE), add(r, multiply(h, point)))


class BadSignatureError(Exception):
    """A signature that is none; named after the library's."""


def crypto_sign_open(signed: bytes, key: bytes) -> bytes:
    """Return the message behind a signature, as the library's function of this name does."""
    if not verify(key, signed[64:], signed[:64]):
        raise BadSignatureError
    return signed[64:]


def sign(seed: bytes, message: bytes) -> tuple[bytes, bytes]:
    """Return the public key of a seed, and its signature over a message."""
    expanded = hashlib.sha512(seed).digest()
    secret = int.from_bytes(expanded[:32], "little") & ((1 << 254) - 8) | (1 << 254)
    key = compress(multiply(secret, BASE))
    nonce = int.from_bytes(hashlib.sha512(expanded[32:] + message).digest(), "little") % L
    r = compress(multiply(nonce, BASE))
    h = int.from_bytes(hashlib.sha512(r + key + message).digest(), "little") % L
    return key, r + ((nonce + h * secret) % L).to_bytes(32, "little")
