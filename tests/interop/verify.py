"""Verifies what Counterfoil has written with another implementation, and prints what it finds in it.

Standard input is one JSON object: `codes`, a list of {cf1, cfn}, `issuer` and `role`, public keys in hexadecimal,
`list`, `update` and `root`, frames in hexadecimal, and `roots`, the root keys. A signature that is not good, a text
that is not canonical or a link that does not belong to its chain ends the program with an error.
"""

import json
import sys

import base45
import cbor2
from cwt import COSE, COSEKey
from make_vectors import KINDS, LIST_TYPE, PRIVATE_CLAIM, REVEAL, ROOT_TYPE, UPDATE_TYPE, cfn, down, okp_thumbprint


def keys_of(public):
    """The key under both names of the algorithm; its short name is computed here."""
    members = {1: 1, -1: 6, -2: public, 2: okp_thumbprint(public)[:4]}
    return [COSEKey.new({**members, 3: alg}) for alg in (-19, -8)]


def open_frame(frame, public):
    """The headers and the content, after the signature was found good under the key that the kid names."""
    cose = COSE.new(verify_kid=True)
    alg = cbor2.loads(cbor2.loads(frame).value[0])[1]
    keys = [key for key in keys_of(public) if key.alg == alg]
    return cose.decode_with_headers(frame, keys)


def read_code(code, public):
    assert code["cf1"].startswith("CF1:") and code["cf1"].endswith("."), "head and end"
    token = base45.b45decode(code["cf1"][4:-1])
    assert code["cf1"] == "CF1:" + base45.b45encode(token).decode() + ".", "another base45 writes the same"
    assert code["cfn"] == cfn(token), "another writer of digits writes the same"
    protected, unprotected, payload = open_frame(token, public)
    claims = cbor2.loads(payload) if isinstance(payload, bytes) else payload
    kind, campaign, number, value, store, *anchor = claims[PRIVATE_CLAIM]
    found = {
        "alg": protected[1],
        "kid": protected[4].hex(),
        "iss": claims.get(1),
        "exp": claims[4],
        "nbf": claims.get(5),
        "iat": claims[6],
        "kind": KINDS[kind],
        "campaign": campaign,
        "number": number,
        "value": value,
        "store": store,
        "step": None,
    }
    if anchor:
        reveal = unprotected[REVEAL]
        found["step"] = int.from_bytes(reveal[:2], "big")
        assert down(reveal[2:], campaign, number, found["step"], 0) == anchor[0], "the link hashes to the anchor"
    return found


def main():
    given = json.load(sys.stdin)
    role = bytes.fromhex(given["role"])
    found = {"codes": [read_code(code, bytes.fromhex(given["issuer"])) for code in given["codes"]]}
    for name, content_type in (("list", LIST_TYPE), ("update", UPDATE_TYPE)):
        protected, _, payload = open_frame(bytes.fromhex(given[name]), role)
        assert protected[3] == content_type, "the content type keeps them apart"
        found[name] = cbor2.loads(payload)
    frame = bytes.fromhex(given["root"])
    # The package is content with one good signature among several, so that each key is asked for its own.
    for public in given["roots"]:
        root_keys = [key for key in keys_of(bytes.fromhex(public)) if key.alg == -19]
        protected, _, payload = COSE.new(verify_kid=True).decode_with_headers(frame, root_keys)
        assert protected[3] == ROOT_TYPE, "the content type keeps them apart"
        found["root"] = cbor2.loads(payload)
    json.dump(found, sys.stdout, default=lambda value: value.hex())


if __name__ == "__main__":
    main()
