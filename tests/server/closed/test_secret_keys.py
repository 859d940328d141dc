"""Row 15: private keys are found whole, with a header only, and from lines inside of one."""

from __future__ import annotations

import base64
import random
import string

import pytest

from indoors_server.closed import secrets
from support import planted

ALPHABET = string.ascii_letters + string.digits + "+/"
BEGIN = "-----BEGIN {}PRIV" + "ATE KEY-----"


def line(seed: int, size: int = 64) -> str:
    chance = random.Random(seed)
    return "".join(chance.choice(ALPHABET) for _ in range(size))


def lines(size: int = 64, many: int = 6) -> list[str]:
    return [line(seed, size) for seed in range(many)]


def header(kind: str = "") -> str:
    return BEGIN.format(kind)


HEADERS = {
    "encrypted": f"{header('RSA ')}\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,2824C1\n\n",
    "encrypted-only-type": f"{header('EC ')}\nProc-Type: 4,ENCRYPTED\n",
    "pgp-version": f"{header('PGP ').replace('KEY', 'KEY BLOCK')}\nVersion: GnuPG v2\n\n",
    "escaped-lines": f'"{header()}\\r\\n{line(1)}\\r\\n"',
    "escaped-twice": f'"{header()}\\\\n{line(1)}\\\\n"',
    "indented": f"key: |\n    {header()}\n    {line(1)}\n",
    "commented": f"# {header()}\n# {line(1)}\n",
    "starred": f" * {header()}\n * {line(1)}\n",
    "added": f"+{header()}\n+{line(1)}\n",
    "list": f'["{header()}",\n "{line(1)}",\n "{line(2)}"].join("\\n")\n',
    "concatenated": f'"{header()}\\n" +\n    "{line(1)}\\n"\n',
    "short-body": f"{header()}\nMC4CAQAwBQYDK2Vw\n",
    "ssh2": f"---- BEGIN SSH2 ENCRYPTED PRIV{'ATE KEY'} ----\nComment: x\n{line(1)}\n",
    "putty": "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n",
}


@pytest.mark.parametrize("name", HEADERS)
def test_row_15_a_header_with_something_of_a_key_is_enough(name: str) -> None:
    assert "a private key" in {one.what for one in secrets.scan(HEADERS[name])}


INSIDE = {
    "plain": "\n".join(lines()),
    "three": "\n".join(lines(many=3)),
    "three-with-a-short-one": "\n".join([*lines(many=2), line(9, 40)]),
    "ssh": "\n".join(lines(70)),
    "mime": "\n".join(lines(76)),
    "indented": "\n".join(f"    {one}" for one in lines()),
    "commented": "\n".join(f"# {one}" for one in lines()),
    "c-comment": "\n".join(f" * {one}" for one in lines()),
    "strings": "\n".join(f'    "{one}\\n"' for one in lines()),
    "added-strings": "\n".join(f"  '{one}' +" for one in lines()),
    "list": "\n".join(f'  "{one}",' for one in lines()),
    "shell": "\n".join(f"{one}\\" for one in lines()),
    "windows": "\r\n".join(lines()),
    "escaped": f"x = '{chr(92)}n'.join('" + "\\n".join(lines()) + "')",
    "with-an-end": "\n".join(lines()) + f"\n-----END PRIV{'ATE KEY'}-----",
    "k8s-data": "data: |\n" + "\n".join(f"  {one}" for one in lines()),
    "behind-a-word": "# signs with the certificate\n" + "\n".join(lines()),
    "behind-another-end": "-----END CERTIFICATE-----\n" + "\n".join(lines()),
}


@pytest.mark.parametrize("name", INSIDE)
def test_row_15_lines_inside_of_a_key_are_found_without_its_header(name: str) -> None:
    found = secrets.scan(f"a\nb\n{INSIDE[name]}\nc\n")
    assert {one.what for one in found} >= {"lines that look like a key's"}


def test_every_part_of_a_key_with_three_lines_is_found() -> None:
    block = planted.pem().splitlines()
    for start in range(len(block)):
        for end in range(start + 3, len(block) + 1):
            part = block[start:end]
            n_lines = sum(len(one) == 64 for one in part)
            if n_lines >= 3 or (start == 0 and n_lines):
                assert secrets.scan("\n".join(part)), part


@pytest.mark.parametrize(
    "first",
    [
        "MC4CAQAwBQYDK2VwBCIEI" + "Jx",
        "MHcCAQEEI" + "Oq7",
        "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0" + "wawIBAQQg",
        "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" + "BKcwggSj",
        "MIIEpAIBAAKC" + "AQEA",
        "b3BlbnNzaC1rZXktdjEAAAAA" + "BG5vbmU",
    ],
)
def test_row_15_the_first_line_of_a_key_is_enough(first: str) -> None:
    size = 64 - len(first)
    assert secrets.scan(f'KEY = """\n{first}{line(3, size)}\n"""\n')
    assert secrets.scan(f'{{"k": "{first}{line(3, size)}\\n{line(4)}"}}')


FREE = {
    "certificate": "-----BEGIN CERTIFICATE-----\n" + "\n".join(lines()) + "\n-----END CERT",
    "public": "-----BEGIN PUBLIC KEY-----\n" + "\n".join(lines()),
    "signature": "-----BEGIN PGP SIGNATURE-----\n\n" + "\n".join(lines()),
    "certificate-in-strings": '"-----BEGIN CERTIFICATE-----\\n"\n'
    + "\n".join(f'"{one}\\n"' for one in lines()),
    "xml": "<X509Certificate>MIIC\n" + "\n".join(lines()) + "\n</X509Certificate>",
    "image": "src: url(data:image/png;base64,\n" + "\n".join(lines()) + ")",
    "font": "src: url('data:font/woff2;base64,\\\n" + "\\\n".join(lines()) + "')",
    "png": base64.encodebytes(b"\x89PNG\r\n\x1a\n" + random.Random(1).randbytes(400)).decode(),
    "gzip": base64.encodebytes(b"\x1f\x8b\x08\x00" + random.Random(1).randbytes(400)).decode(),
    "two-lines": "\n".join(lines(many=2)),
    "words": "\n".join("abcdefghijklmnop" * 4 for _ in range(6)),
    "hex": "\n".join(one.encode().hex()[:64] for one in lines()),
    "rules": "\n".join("=" * 70 for _ in range(6)),
    "names": "\n".join(f"a_very_long_name_of_a_function_{n}_of_those_as_listed" for n in range(9)),
}  # fmt: skip


@pytest.mark.parametrize("name", FREE)
def test_lines_that_are_no_key_are_free(name: str) -> None:
    assert secrets.scan(f"a\n{FREE[name]}\nb\n") == []
