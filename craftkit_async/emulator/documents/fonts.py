"""Fonts: locate the bundled ones, and build a last-resort font with a box for every character they lack."""

import struct
from importlib.resources import files
from pathlib import Path

# IBM Plex Sans covers Latin, Greek and Cyrillic; Rubik covers Hebrew and Arabic. Both are packages of font files.
PACKAGES = ("fontpkg_ibm_plex_sans", "fontpkg_rubik")
FAMILIES = ("IBM Plex Sans", "Rubik")
# Embedded in the Typst compiler; they cover many symbols.
BUILT_IN_FAMILIES = ("Libertinus Serif", "DejaVu Sans Mono", "New Computer Modern Math", "New Computer Modern")
LAST_RESORT = "Last Resort Boxes"
# All scripts from Armenian on and the pictographs, without controls, surrogates and private use characters. Each
# character has its own glyph, so that the text layer of the document contains what the page cannot show.
_RANGES = (
    *((0x0530, 0x1FFF), (0x2070, 0xD7FF), (0xF900, 0xFDFF), (0xFE10, 0xFEFE), (0xFF01, 0xFFEF)),
    (0x1F000, 0x1FAFF),
)
_EM = 1000
_BOX = ((80, 0), (920, 0), (920, 760), (80, 760)), ((130, 50), (130, 710), (870, 710), (870, 50))


def find_folders() -> list[Path]:
    """Return the folders of the fonts that the `emulator` extra installs."""
    return [Path(str(files(package) / "files")) for package in PACKAGES]


def build_last_resort() -> bytes:
    """Build a TrueType font whose every glyph is the same box."""
    box = _draw_box()
    # Flag 2: the two bytes after the glyph index are its offset, here zero.
    copy = struct.pack(">hhhhhHHbb", -1, 0, 0, 0, 0, 2, 0, 0, 0)
    copies = sum(last - first + 1 for first, last in _RANGES)
    offsets = [0, *range(len(box), len(box) + len(copy) * copies + 1, len(copy))]
    return _join_tables(
        {
            b"OS/2": _describe_style(),
            b"cmap": _map_characters(),
            b"glyf": box + copy * copies,
            b"head": struct.pack(
                ">IIIIHHQQhhhhHHhhh",
                *(0x10000, 0x10000, 0, 0x5F0F3CF5, 3, _EM, 0, 0, 0, 0, _EM, _EM, 0, 8, 2, 1, 0),
            ),
            b"hhea": struct.pack(">IhhhH11hH", 0x10000, 880, -120, 0, _EM, 0, 0, _EM, 1, 0, 0, 0, 0, 0, 0, 0, 1),
            b"hmtx": struct.pack(">Hh", _EM, 0) + bytes(2 * copies),
            b"loca": struct.pack(f">{len(offsets)}I", *offsets),
            b"maxp": struct.pack(">IH13H", 0x10000, copies + 1, 8, 2, 8, 2, 2, 0, 0, 0, 0, 0, 0, 1, 1),
            b"name": _name(),
            b"post": struct.pack(">IIhhIIIII", 0x30000, 0, -100, 50, 1, 0, 0, 0, 0),
        }
    )


def _draw_box() -> bytes:
    points = [point for contour in _BOX for point in contour]
    glyph = struct.pack(">hhhhh", len(_BOX), 80, 0, 920, 760) + struct.pack(">HHH", 3, 7, 0) + b"\1" * len(points)
    for axis in (0, 1):
        ways = [point[axis] for point in points]
        glyph += struct.pack(">8h", *(way - before for before, way in zip([0, *ways], ways, strict=False)))
    return glyph + bytes(-len(glyph) % 4)


def _map_characters() -> bytes:
    groups, glyph = b"", 1
    for first, last in _RANGES:
        groups += struct.pack(">III", first, last, glyph)
        glyph += last - first + 1
    table = struct.pack(">HHIII", 12, 0, 16 + len(groups), 0, len(_RANGES)) + groups
    return struct.pack(">HHHHI", 0, 1, 3, 10, 12) + table


def _name() -> bytes:
    texts = {1: LAST_RESORT, 2: "Regular", 4: LAST_RESORT, 6: LAST_RESORT.replace(" ", "")}
    records, storage = b"", b""
    for kind, text in texts.items():
        encoded = text.encode("utf-16-be")
        records += struct.pack(">HHHHHH", 3, 1, 0x409, kind, len(encoded), len(storage))
        storage += encoded
    return struct.pack(">HHH", 0, len(texts), 6 + len(records)) + records + storage


def _describe_style() -> bytes:
    start = struct.pack(">HhHHH", 4, _EM, 400, 5, 0) + bytes(20) + bytes(2) + bytes(10) + bytes(16) + b"NONE"
    return start + struct.pack(">HHHhhhHHIIhhHHH", 0x40, 0x530, 0xFFEF, 880, -120, 0, 880, 120, 0, 0, 500, 760, 0, 0, 0)


def _join_tables(tables: dict[bytes, bytes]) -> bytes:
    """Join the tables into one font file, each with its checksum."""
    power = len(tables).bit_length() - 1
    header = struct.pack(">IHHHH", 0x10000, len(tables), 16 << power, power, 16 * (len(tables) - (1 << power)))
    directory, body, start = b"", b"", len(header) + 16 * len(tables)
    for tag, table in sorted(tables.items()):
        padded = table + bytes(-len(table) % 4)
        total = sum(struct.unpack(f">{len(padded) // 4}I", padded)) & 0xFFFFFFFF
        directory += tag + struct.pack(">III", total, start + len(body), len(table))
        body += padded
    return header + directory + body
