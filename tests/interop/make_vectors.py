"""Makes codes, a root, a trust list and a status update with another implementation, as test vectors.

Nothing of Counterfoil is used: COSE and CWT are those of the package `cwt`, base45 that of the package `base45`,
hashes those of Python. Keys are fixed and Ed25519 signatures are deterministic, so that every run prints the same:

    python make_vectors.py > vectors.json

A chunk of the status update is not compressed here, since Python 3.11 has no zstd.
"""

import hashlib
import json
import sys

import base45
import cbor2
from cwt import COSE, COSEKey, Signer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

NOW = 1_780_000_000
DAY = 24 * 3600
PRIVATE_CLAIM = -65537
REVEAL = -65537
EDDSA, ED25519 = -8, -19
KINDS = ["order", "coupon", "times_card", "member"]
LIST_TYPE = "application/counterfoil-trust-list+cbor"
UPDATE_TYPE = "application/counterfoil-status-update+cbor"
ROOT_TYPE = "application/counterfoil-root+cbor"


def public(seed):
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def thumbprint(key):
    """RFC 9679: SHA-256 of the required members in deterministic encoding."""
    return hashlib.sha256(cbor2.dumps(key, canonical=True)).digest()


def okp_thumbprint(x):
    return thumbprint({1: 1, -1: 6, -2: x})


def cose_key(seed, alg):
    return COSEKey.new({1: 1, -1: 6, -2: public(seed), -4: seed, 3: alg})


def sign1(payload, seed, alg, content_type=None, unprotected=None):
    protected = {1: alg}
    if content_type is not None:
        protected[3] = content_type
    protected[4] = okp_thumbprint(public(seed))[:4]
    cose = COSE.new(alg_auto_inclusion=False, kid_auto_inclusion=False)
    return cose.encode_and_sign(payload, cose_key(seed, alg), protected=protected, unprotected=unprotected or {})


def sign(payload, seeds, content_type):
    """A COSE_Sign, the content type in the body's header, algorithm and key in each signature's."""
    signers = [
        Signer.new(
            cose_key=cose_key(seed, ED25519),
            protected={1: ED25519, 4: okp_thumbprint(public(seed))[:4]},
            unprotected={},
        )
        for seed in seeds
    ]
    cose = COSE.new(alg_auto_inclusion=False, kid_auto_inclusion=False)
    return cose.encode_and_sign(payload, protected={3: content_type}, unprotected={}, signers=signers)


def down(link, campaign, serial, start, end):
    """The hash chain, from step `start` down to step `end`."""
    for step in range(start, end, -1):
        text = b"CF1 chain" + campaign.to_bytes(2, "big") + serial.to_bytes(4, "big") + step.to_bytes(4, "big")
        link = hashlib.sha256(text + link).digest()[:16]
    return link


def cfn(token):
    """Digits only: 236, 7 bytes as 17 digits each, the last bytes as few as hold them, 6."""
    digits = {1: 3, 2: 5, 3: 8, 4: 10, 5: 13, 6: 15, 7: 17}
    groups = [token[at : at + 7] for at in range(0, len(token), 7)]
    return "236" + "".join(str(int.from_bytes(group, "big")).zfill(digits[len(group)]) for group in groups) + "6"


def code(name, seed, alg, claims, tail=None, step=None):
    ours = [KINDS.index(claims["kind"]), claims["campaign"], claims["number"], claims["value"], claims["store"]]
    unprotected = {}
    if tail is not None:
        length = (claims["exp"] - claims["iat"]) // 30
        anchor = down(tail, claims["campaign"], claims["number"], length, 0)
        link = down(tail, claims["campaign"], claims["number"], length, step)
        ours.append(anchor)
        unprotected = {REVEAL: step.to_bytes(2, "big") + link}
        claims = {**claims, "anchor": anchor.hex(), "step": step, "link": link.hex()}
    labelled = {1: claims.get("iss"), 4: claims["exp"], 5: claims.get("nbf"), 6: claims["iat"], PRIVATE_CLAIM: ours}
    payload = cbor2.dumps({label: value for label, value in labelled.items() if value is not None})
    token = sign1(payload, seed, alg, unprotected=unprotected)
    return {
        "name": name,
        "alg": alg,
        "token": token.hex(),
        "cf1": "CF1:" + base45.b45encode(token).decode() + ".",
        "cfn": cfn(token),
        "claims": claims,
    }


def main():
    issuer, role = bytes([1]) * 32, bytes([11]) * 32
    roots = [bytes([number]) * 32 for number in (21, 22, 23)]
    coupon = {"iss": "CF", "exp": NOW + DAY, "iat": NOW, "kind": "coupon", "campaign": 7, "number": 42}
    coupon |= {"value": 2000, "store": None}
    order = {"exp": NOW + 3 * DAY, "nbf": NOW + 600, "iat": NOW, "kind": "order", "campaign": 65535}
    order |= {"number": 4294967295, "value": 4294967295, "store": "sixteen bytes..."}
    member = {"iss": "8 bytes.", "exp": NOW + DAY, "iat": NOW, "kind": "member", "campaign": 300, "number": 70000}
    member |= {"value": 0, "store": "s1"}
    card = coupon | {"kind": "times_card", "number": 23}
    tail = bytes(range(16))
    codes = [
        code("coupon, -19", issuer, ED25519, coupon),
        code("coupon, -8", issuer, EDDSA, coupon),
        code("order with every number full", issuer, ED25519, order),
        code("times card", issuer, EDDSA, card),
        code("member at the first step", issuer, ED25519, member, tail, 1),
        code("member in the middle, -8", issuer, EDDSA, member, tail, 1000),
        code("member at the last step", issuer, ED25519, member, tail, 2880),
    ]
    key = [public(issuer), "Python's key", [ED25519, EDDSA], [0, 1, 2, 3], [[0, 299], [300, 65535]], None]
    key += [4294967295, (NOW - DAY) * 1000, None]
    trust_list = [1, 5, NOW * 1000, (NOW + 30 * DAY) * 1000, [key]]
    root = [1, 1, (NOW + 365 * DAY) * 1000, 2, sorted(public(seed) for seed in roots), [public(role)]]
    chunk = bytes([0b10_11_00_01, 0b01])
    update = [1, 10, 12, True, NOW * 1000, [[2, 0, []], [7, 65541, [[1, len(chunk), chunk]]]]]
    p256 = {
        1: 2,
        -1: 1,
        -2: bytes.fromhex("65eda5a12577c2bae829437fe338701a10aaa375e1bb5b5de108de439c08551d"),
        -3: bytes.fromhex("1e52ed75701163f7f9e40ddf9f341b3dc9ba860af7e0ca7ca7e9eecd0084d19c"),
    }
    vectors = {
        "now": NOW,
        "issuer": {"public": public(issuer).hex(), "thumbprint": okp_thumbprint(public(issuer)).hex()},
        "role": {"public": public(role).hex()},
        # The example that RFC 9679 prints is of a P-256 key; it has none of an Ed25519 key.
        "rfc_9679_example": thumbprint(p256).hex(),
        "codes": codes,
        "root": sign(cbor2.dumps(root), roots[:2], ROOT_TYPE).hex(),
        "list": sign1(cbor2.dumps(trust_list), role, ED25519, LIST_TYPE).hex(),
        "update": sign1(cbor2.dumps(update), role, EDDSA, UPDATE_TYPE).hex(),
    }
    json.dump(vectors, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
