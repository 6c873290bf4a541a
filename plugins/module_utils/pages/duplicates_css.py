# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Made from pages/duplicates.css by ``make pages``; edit that file."""

from __future__ import annotations

# fmt: off
SOURCE = r"""section > .soft { max-width: 48rem; margin-bottom: 0.9rem; }
.group { margin-top: 1rem; padding: 1rem 1.1rem 1.1rem; content-visibility: auto; contain-intrinsic-size: auto 15rem; }
.group h3 { font-size: 1.05rem; margin-bottom: 0.8rem; }
.group h3 .soft { font-weight: 400; margin-left: 0.4rem; }
.tiles { list-style: none; margin: 0; padding: 0; display: grid; gap: 1.1rem;
  grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); }
.tiles li { display: grid; gap: 0.6rem; align-content: start; min-width: 0; }
.tiles .tile { width: 100%; height: 9rem; }
.tiles .tile img { max-height: 9rem; }
.of { min-width: 0; }
.image, .pointer { display: block; overflow-wrap: anywhere; }
.image { font-weight: 650; }
.hash { display: flex; gap: 0.8rem; align-items: center; margin-top: 0.5rem; flex-wrap: wrap; }
.hash > span > * { display: block; }
.away { color: var(--none); font-size: 0.9rem; }
.hash a { font-size: 0.9rem; padding: 0.2rem 0; }
.more { padding: 0.8rem 0 0; }
.list code, .sha { overflow-wrap: anywhere; }
.list .more { padding: 0.8rem 1.1rem; }
@media print {
  .group { break-inside: avoid; content-visibility: visible; }
  .tiles { grid-template-columns: repeat(3, 1fr); }
}
"""
