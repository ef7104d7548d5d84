"""Files changed at random: their bytes, words and numbers, members of an archive, the header of a checkpoint."""

import io
import random
import re
import struct
import zipfile

_BYTES = (0, 1, 0x0A, 0x1B, 0x22, 0x2C, 0x30, 0x5B, 0x7B, 0x7F, 0x80, 0xFE, 0xFF)
_SIZES = (0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1)
_WORDS = (
    *(b"", b"null", b"true", b"-1", b"0", b"1e999", b"NaN", b"nan", b"inf", b"9" * 400, b"9" * 5000, b"0.5", b'"x"'),
    *(
        b"[]",
        b"{}",
        b"[[]]",
        b'{"a": 1}',
        b"[" * 5000,
        b"\x1b[2J",
        b"\xff\xfe",
        b"\xe2\x80\xae",
        b"..",
        b"../..",
        b"\x00",
    ),
)
_TOKENS = re.compile(rb'"[^"\n]*"|[\w.+-]+|[\[\]{}():,=]')
_MOST_BYTES = 1 << 20


def mutated(content: bytes, chance: random.Random) -> bytes:
    """``content`` after a few changes, most of them small."""
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        ways = [_flip, _cut, _removed, _repeated, _inserted, _resized, _reworded, _reworded]
        if content.startswith(b"PK\x03\x04"):
            ways += [_repacked] * 6
        if content[8:9] == b"{":
            ways += [_with_other_header] * 4
        content = chance.choice(ways)(content, chance)[:_MOST_BYTES]
    return content


def _place(content: bytes, chance: random.Random) -> int:
    """Rather near the beginning, where headers are."""
    end = len(content) if chance.random() < 0.5 else min(200, len(content))
    return chance.randrange(end + 1)


def _flip(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 8))):
        if changed:
            place = min(_place(content, chance), len(changed) - 1)
            changed[place] = chance.choice((changed[place] ^ (1 << chance.randrange(8)), *_BYTES))
    return bytes(changed)


def _cut(content: bytes, chance: random.Random) -> bytes:
    return content[: _place(content, chance)]


def _removed(content: bytes, chance: random.Random) -> bytes:
    place = _place(content, chance)
    return content[:place] + content[place + chance.choice((1, 2, 4, 16, 100)) :]


def _repeated(content: bytes, chance: random.Random) -> bytes:
    place, size = _place(content, chance), chance.choice((1, 4, 30, 200))
    return content[:place] + content[place : place + size] * chance.choice((2, 3, 50)) + content[place + size :]


def _inserted(content: bytes, chance: random.Random) -> bytes:
    place = _place(content, chance)
    return content[:place] + chance.choice((*_WORDS, bytes(chance.choices(_BYTES, k=4)))) + content[place:]


def _resized(content: bytes, chance: random.Random) -> bytes:
    """A number of 2, 4 or 8 bytes replaced."""
    kind = chance.choice(("<H", "<I", "<Q"))
    size = struct.calcsize(kind)
    place = _place(content, chance)
    return content[:place] + struct.pack(kind, chance.choice(_SIZES) % 2 ** (8 * size)) + content[place + size :]


def _reworded(content: bytes, chance: random.Random) -> bytes:
    """A word, number or bracket of a text replaced by another, perhaps one of its own."""
    tokens = list(_TOKENS.finditer(content[:20_000]))
    if not tokens:
        return content
    found = chance.choice(tokens)
    new = chance.choice(_WORDS) if chance.random() < 0.6 else chance.choice(tokens)[0]
    return content[: found.start()] + new + content[found.end() :]


def _repacked(content: bytes, chance: random.Random) -> bytes:
    """An archive of which a member was changed, renamed, left out or is there twice: its sums are right again."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    except Exception:  # it has been damaged too far already
        return content
    if not members:
        return content
    at = chance.randrange(len(members))
    name, inner = members[at]
    match chance.randrange(6):
        case 0:
            del members[at]
        case 1:
            members.append((name, inner))
        case 2:
            members[at] = chance.choice(("../" + name, name.upper(), "x.npy", name.removesuffix(".npy"))), inner
        case 3:
            members[at] = name, chance.choice(members)[1]
        case _:
            members[at] = name, chance.choice((_flip, _cut, _removed, _reworded, _resized))(inner, chance)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for each, data in members:
            archive.writestr(zipfile.ZipInfo(each), data)
    return packed.getvalue()


def _with_other_header(content: bytes, chance: random.Random) -> bytes:
    """A checkpoint whose header was changed: the length in front of it is right again."""
    length = int.from_bytes(content[:8], "little")
    header = chance.choice((_reworded, _flip, _removed, _repeated))(content[8 : 8 + length], chance)
    return struct.pack("<Q", len(header)) + header + content[8 + length :]
