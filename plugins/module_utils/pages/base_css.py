# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Made from pages/base.css by ``make pages``; edit that file."""

from __future__ import annotations

# fmt: off
SOURCE = r""":root {
  color-scheme: light dark;
  --ground: #f4f2ec; --sheet: #fffefb; --ink: #1f1c17; --soft: #5f584c; --line: #ded8ca; --tint: #f0ece2;
  --accent: #0a665b; --on-accent: #ffffff; --none: #a8231c; --low: #a34d00; --near: #7a6200;
  --check: #e7e2d6;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #131417; --sheet: #1b1d22; --ink: #eceae4; --soft: #aba69a; --line: #34373f; --tint: #24272e;
    --accent: #62cdbb; --on-accent: #0c1a18; --none: #ff8f86; --low: #ffb26b; --near: #e5cf6a;
    --check: #2c3038;
  }
}
* { box-sizing: border-box; }
html { background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto,
  "Helvetica Neue", "Noto Sans", "DejaVu Sans", sans-serif; -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; max-width: 78rem; padding: 2.5rem 1.5rem 4rem; }
h1, h2, h3, p, dl, dd, table, fieldset { margin: 0; }
h1 { font-size: clamp(1.7rem, 4vw, 2.5rem); line-height: 1.15; letter-spacing: -0.02em; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; letter-spacing: -0.01em; margin: 3rem 0 0.9rem; }
code, .mono { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 0.86em; }
.kicker { color: var(--accent); font-size: 0.8rem; font-weight: 650; letter-spacing: 0.09em; text-transform: uppercase;
  margin-bottom: 0.4rem; }
.lede { font-size: 1.1rem; color: var(--soft); max-width: 44rem; margin-top: 0.8rem; }
.soft { color: var(--soft); }
.note { background: var(--tint); border-left: 4px solid var(--accent); border-radius: 0 8px 8px 0;
  padding: 0.7rem 1rem; margin-top: 1.2rem; max-width: 48rem; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: 0.5rem; background: var(--accent); color: var(--on-accent); padding: 0.4rem 0.8rem;
  border-radius: 6px; }
.counts { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: 0.8rem;
  margin-top: 1.8rem; }
.counts div { background: var(--sheet); border: 1px solid var(--line); border-radius: 12px; padding: 0.8rem 1.1rem; }
.counts dt { color: var(--soft); font-size: 0.85rem; }
.counts dd { font-size: 1.75rem; font-weight: 650; letter-spacing: -0.02em; font-variant-numeric: tabular-nums; }
footer { margin-top: 3rem; padding-top: 1.2rem; border-top: 1px solid var(--line); color: var(--soft);
  font-size: 0.9rem; }
footer p { max-width: 48rem; margin-top: 0.5rem; }
.sheet { background: var(--sheet); border: 1px solid var(--line); border-radius: 14px; overflow: clip; }
table { width: 100%; border-collapse: collapse; text-align: left; }
caption { text-align: left; color: var(--soft); font-size: 0.9rem; padding: 0.8rem 1.1rem; }
th, td { padding: 0.8rem 1.1rem; vertical-align: top; font-weight: inherit; overflow: clip; }
tr + tr > *, tbody tr:first-child > * { border-top: 1px solid var(--line); }
thead th { color: var(--soft); font-size: 0.8rem; font-weight: 600; letter-spacing: 0.03em; background: var(--tint);
  padding-block: 0.5rem; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.tile { display: grid; place-items: center; width: 7rem; height: 7rem; border-radius: 10px; overflow: hidden;
  color: var(--soft); font-size: 0.8rem; text-align: center; border: 1px solid var(--line);
  background: var(--tint); }
.tile img { display: block; max-width: 100%; max-height: 7rem;
  background: repeating-conic-gradient(var(--check) 0 25%, var(--sheet) 0 50%) 0 0 / 16px 16px; }
.tile.bare { background: var(--tint); border-style: dashed; padding: 0.5rem; line-height: 1.3; }
.bits { display: block; width: 3.6rem; height: 3.6rem; border: 1px solid var(--line); border-radius: 6px;
  background: var(--ground); }
.bits path { fill: var(--ink); }
.empty { text-align: center; padding: 3rem 1.5rem; margin-top: 2rem; }
.empty h2 { margin: 0.8rem 0 0; }
.empty svg { width: 3.5rem; height: 3.5rem; fill: none; stroke: var(--accent); stroke-width: 2.2; stroke-linecap: round;
  stroke-linejoin: round; }
.empty p { margin-top: 0.3rem; }
.bits .differ { fill: none; stroke: var(--none); stroke-width: 0.22; }
a { color: var(--accent); text-underline-offset: 0.15em; }
a:focus-visible, button:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
@media screen and (max-width: 52rem) {
  body { padding: 1.5rem 1rem 3rem; }
  .counts { grid-template-columns: 1fr 1fr; }
}
@media print {
  :root { --ground: #fff; --sheet: #fff; --ink: #000; --soft: #444; --line: #bbb; --tint: #fff; --check: #eee;
    --accent: #0a665b; --none: #8f1b15; --low: #7d3b00; --near: #5c4a00; }
  html { font-size: 10pt; }
  body { max-width: none; padding: 0; }
  tr, .counts div { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  .skip { display: none; }
  .sheet { border-radius: 0; overflow: visible; }
  .tile { width: 5rem; height: 5rem; }
  .tile img { max-height: 5rem; }
  th, td, caption { padding: 0.5rem 0.6rem; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
