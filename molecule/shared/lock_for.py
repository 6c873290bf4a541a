"""lock_for.py PYTHON LOCK...: the requirements that the locks have for that Python, such as 3.9, on this machine.

pip download --python-version selects wheels by it, but evaluates the markers of a lock for the Python that runs pip.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from packaging.requirements import Requirement

version, locks = sys.argv[1], sys.argv[2:]
for lock in locks:
    for line in Path(lock).read_text().replace("\\\n", " ").splitlines():
        named, *hashes = re.split(r"\s+(?=--hash=)", line.split(" #")[0].strip())
        if not named or named.startswith("#"):
            continue
        requirement = Requirement(named)
        if not requirement.marker or requirement.marker.evaluate(
            {"python_version": version, "python_full_version": f"{version}.0"}
        ):
            print(f"{requirement.name}{requirement.specifier}", *hashes)
