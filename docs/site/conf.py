"""Sphinx: the pages of docs/, the READMEs of the roles, and the pages that antsibull-docs makes of the plugins."""

from __future__ import annotations

import re
from pathlib import Path

_GALAXY = (Path(__file__).resolve().parents[2] / "galaxy.yml").read_text("utf-8")
_VERSION = re.search(r"^version: (\S+)", _GALAXY, re.MULTILINE)

project = "mobius.dhash"
author = "Mobius contributors"
copyright = "Mobius contributors, GPL-3.0-or-later"
version = release = _VERSION.group(1) if _VERSION else ""
extensions = ["myst_parser", "sphinx_antsibull_ext"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
html_theme = "furo"
html_title = f"mobius.dhash {release}"
html_copy_source = False
html_static_path = ["static"]
html_css_files = ["wide.css"]
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
# Pages name files of the repository, which are no pages of the site.
suppress_warnings = ["myst.header"]
nitpicky = False
