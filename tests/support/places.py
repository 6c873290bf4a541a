"""Where things are in this checkout."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: What PYTHONPATH and ANSIBLE_COLLECTIONS_PATH need, to find this collection in a plain checkout.
COLLECTIONS = str(ROOT / "playbooks" / "collections")
