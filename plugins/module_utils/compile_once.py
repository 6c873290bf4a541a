# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep Python from compiling every file of a module's archive twice; imported for this effect, before the packages.

Ansible sends a module with all that it imports as a zip archive, and Python's ``zipimport`` compiles a file once to
find it and once more to execute it.
"""

from __future__ import annotations

import functools
import zipimport
from typing import Any

_archives: Any = zipimport
_compile = getattr(_archives, "_compile_source", None)

# A Python whose zipimport is built differently only loses the time.
if callable(_compile) and not hasattr(_compile, "cache_info"):
    _archives._compile_source = functools.lru_cache(maxsize=1)(_compile)
