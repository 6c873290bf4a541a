"""make_library.py FOLDER: library.json and four pictures, by the standard library alone."""

from __future__ import annotations

import json
import struct
import sys
import zlib
from pathlib import Path

SIDE = 96


def png(seed: int) -> bytes:
    """A grey picture with enough structure for a dHash that can be trusted."""
    rows = bytearray()
    for y in range(SIDE):
        rows.append(0)
        rows += bytes(
            (x * (seed + 2) * 3 + y * (5 - seed) * 2 + 70 * ((x // 12 + y // 12 * seed) % 3)) % 256 for x in range(SIDE)
        )

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(rows))) + chunk(b"IEND", b"")
    )


def main(folder: Path) -> None:
    (folder / "images").mkdir(parents=True)
    items = []
    for seed in range(4):
        (folder / "images" / f"{seed}.png").write_bytes(png(seed))
        items.append({"id": f"piece {seed}", "image": f"images/{seed}.png", "price": 1.50})
    (folder / "images" / "copy.png").write_bytes(png(0))
    items.append({"id": "copy", "image": "images/copy.png"})
    (folder / "library.json").write_text(json.dumps({"name": "test", "components": items}, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
