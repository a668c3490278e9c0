"""JSON Web Tokens for tests: made, signed, and spoilt. Standard library only, so RSA and
P-256 are done by hand: slow, not constant in time, and with keys that everybody knows."""

import base64
import hashlib
import hmac
import json
import secrets
import time

RSA_E = 65537
RSA_N = int(
    "d651dc3dddd8ae882c65a627d8cbcd71287a7cdd5ec5cfe960493be73ebfeefa2adbd1bc983fe8b9df11a775faacf92f0d6e"
    "2a549cba5e29bdcac70a9ecbe38062766c0d5a7d6e267dd22ac02da8bb35e36530aae36d5d9b9ac2386342adeff09164b88c"
    "316fd8c108e5e1d914df4062d10aad657bfc01ba0b82d5ca44c9d4db365930b0c3aa99a3ceb67945d4173be407a026edb37c"
    "2ab96dac754bff97476032b28a9c67a831b4fbd5c68e6eae073231b9ce5fb45e7179afc3ddc1616850804544bbc72afa8ff0"
    "ea773d800501d7bd412755962a23ecad2d454537887aafe0bb424640df9e6968201032cdb4ece15713b58d4029ddb5a90c77"
    "f466a8f25be5",
    16,
)
RSA_D = int(
    "c8ebf58e0a6d1932906cbb589fe670b3a53f2fd0590919e1b062f7c5d30e1cfc6b31a96f254cc4e17c3f10bf8a429f597d3d"
    "ca71887d2fc9f2242875cc6958df037001dc82f9144b01aa066a24640b1e7a10638fd1a6b61b2afae9e224a0ec509bfdd105"
    "9d533de1ba75c945ba4b921111e8f0a633960e085cc24bab54d1e2b9e7e0953aeed0d0ca37d88cf9b808ad3dcda0a26dda4e"
    "f064a6d540c5e3ebf7111d9e147987502e05298d5d85c66a74f4133e293f294dbb22a396ca3ae27f4de464752bac3a3f874a"
    "2fab93f08e402122f8d0107befc5e5abceb21eb6a89e5fbcb315d1e43746474d2042135787c8bda973b46c128ca80016e864"
    "3d3abb1c001",
    16,
)

# P-256: SEC 2, section 2.4.2
P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
EC_D = int.from_bytes(hashlib.sha256(b"a key that everybody knows").digest(), "big") % N
SECRET = "a-secret-of-thirty-two-bytes-or-more"


def add(a, b):
    if a is None or b is None:
        return a or b
    if a[0] == b[0] and (a[1] + b[1]) % P == 0:
        return None
    if a == b:
        m = (3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, P)
    else:
        m = (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (m * m - a[0] - b[0]) % P
    return x, (m * (a[0] - x) - a[1]) % P


def times(k, point):
    out = None
    while k:
        if k & 1:
            out = add(out, point)
        point, k = add(point, point), k >> 1
    return out


EC_Q = times(EC_D, G)


def b64(data):
    if isinstance(data, (dict, list)):
        data = json.dumps(data, separators=(",", ":"))
    if isinstance(data, str):
        data = data.encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(v, size=0):
    return b64(v.to_bytes(size or (v.bit_length() + 7) // 8, "big"))


def sign_rs256(text, d=RSA_D, n=RSA_N):
    der = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(text).digest()
    size = (n.bit_length() + 7) // 8
    block = b"\0\1" + b"\xff" * (size - len(der) - 3) + b"\0" + der
    return pow(int.from_bytes(block, "big"), d, n).to_bytes(size, "big")


def sign_es256(text, d=EC_D):
    z = int.from_bytes(hashlib.sha256(text).digest(), "big")
    k = secrets.randbelow(N - 1) + 1
    r = times(k, G)[0] % N
    s = pow(k, -1, N) * (z + r * d) % N
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def sign_hs256(text, secret=SECRET):
    return hmac.new(secret if isinstance(secret, bytes) else secret.encode(), text, hashlib.sha256).digest()


SIGN = {"RS256": sign_rs256, "ES256": sign_es256, "HS256": sign_hs256}


def claims(**more):
    now = time.time()
    c = {"iss": "https://issuer.example", "aud": "sluice", "sub": "carol", "tenant": "acme", "exp": int(now) + 600, **more}
    return {k: v for k, v in c.items() if v is not None}


def token(alg="RS256", kid="k1", header=None, sign=None, payload=None, **more):
    h = {"alg": alg, "typ": "JWT", **({"kid": kid} if kid else {}), **(header or {})}
    text = b64(h) + "." + (payload if payload is not None else b64(claims(**more)))
    return text + "." + b64((sign or SIGN[alg])(text.encode()))


def rsa_jwk(kid="k1", n=RSA_N, e=RSA_E, **more):
    return {"kty": "RSA", "kid": kid, "use": "sig", "alg": "RS256", "n": number(n), "e": number(e), **more}


def ec_jwk(kid="k1", q=EC_Q, **more):
    return {"kty": "EC", "crv": "P-256", "kid": kid, "x": number(q[0], 32), "y": number(q[1], 32), **more}


def der(tag, data):
    n = len(data)
    size = bytes([n]) if n < 128 else bytes([0x82]) + n.to_bytes(2, "big")
    return bytes([tag]) + size + data


def der_number(v):
    return der(2, v.to_bytes(v.bit_length() // 8 + 1, "big"))


def pem(kind):
    """The public key as SubjectPublicKeyInfo: RFC 8017 appendix A.1, RFC 5480."""
    if kind == "RS256":
        who = der(0x30, bytes.fromhex("06092a864886f70d0101010500"))
        key = der(0x30, der_number(RSA_N) + der_number(RSA_E))
    else:
        who = der(0x30, bytes.fromhex("06072a8648ce3d020106082a8648ce3d030107"))
        key = b"\4" + EC_Q[0].to_bytes(32, "big") + EC_Q[1].to_bytes(32, "big")
    text = base64.encodebytes(der(0x30, who + der(3, b"\0" + key))).decode()
    return "-----BEGIN PUBLIC KEY-----\n" + text + "-----END PUBLIC KEY-----\n"
