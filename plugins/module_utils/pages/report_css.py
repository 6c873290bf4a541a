# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Made from pages/report.css by ``make pages``; edit that file."""

from __future__ import annotations

# fmt: off
SOURCE = r""".outcome { font-weight: 650; overflow-wrap: anywhere; }
.outcome.good { color: var(--accent); }
.outcome.warn { color: var(--low); }
.outcome.bad { color: var(--none); }
h1 .outcome::before, summary .outcome::before, td .outcome::before { display: inline-block; margin-right: 0.35em; }
.outcome.good::before { content: "\2713" / ""; }
.outcome.warn::before { content: "!" / ""; }
.outcome.bad::before { content: "\2715" / ""; }
.lede { overflow-wrap: anywhere; white-space: pre-line; max-width: 56rem; }
.meta { display: flex; flex-wrap: wrap; gap: 0.4rem 2rem; margin-top: 1.4rem; font-size: 0.9rem; }
.meta div { display: flex; gap: 0.5rem; min-width: 0; }
.meta dt { color: var(--soft); }
.meta dd { overflow-wrap: anywhere; min-width: 0; }
h3 { font-size: 1.05rem; margin: 1.8rem 0 0.7rem; }
.problem { padding: 0.9rem 1.1rem; border-left: 4px solid var(--none); }
.problem + .problem { margin-top: 0.8rem; }
pre { margin: 0.4rem 0 0; white-space: pre-wrap; overflow-wrap: anywhere; font-size: 0.9rem;
  font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.commands { display: grid; gap: 0.7rem; }
.commands div { background: var(--tint); border-radius: 10px; padding: 0.7rem 1rem; }
.commands dt { color: var(--soft); font-size: 0.85rem; }
.commands code { white-space: pre-wrap; overflow-wrap: anywhere; }
.list th[scope="row"] { width: 26%; }
.list code, .list td, .list th { overflow-wrap: anywhere; }
.list td strong { overflow-wrap: normal; }
.list .more { padding: 0 1.1rem 0.8rem; }
.timeline th[scope="row"] { width: auto; }
.timeline .wide { width: 48%; vertical-align: middle; }
.timeline .number, .hosts .number { white-space: nowrap; }
.list .hosts th[scope="row"] { width: 20%; }
.hosts td .outcome { white-space: nowrap; }
.span { display: block; width: 100%; height: 0.7rem; background: var(--tint); border-radius: 3px; }
.span rect, .plot .bar { fill: var(--accent); }
.span .warn, .plot .warn { fill: var(--low); }
.span .bad, .plot .bad { fill: var(--none); }
.plots { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr)); }
figure { margin: 0; padding: 0.9rem 1.1rem 0.6rem; }
figcaption { font-weight: 600; }
figcaption .soft { font-weight: 400; }
.plot { display: block; width: 100%; height: auto; font: 12px system-ui, sans-serif; margin-top: 0.4rem; }
.plot .grid { stroke: var(--line); fill: none; }
.plot .curve { stroke: var(--accent); stroke-width: 2; fill: none; stroke-linejoin: round; }
.plot .dot { fill: var(--accent); stroke: var(--sheet); }
.plot .dot.bad { fill: var(--none); }
.plot .limit { stroke: var(--none); stroke-width: 1.6; stroke-dasharray: 7 4; fill: none; }
.plot .mark { stroke: var(--ink); stroke-width: 1.4; fill: none; }
.plot text { fill: var(--soft); paint-order: stroke; stroke: var(--sheet); stroke-width: 4px; }
.plot .limit-text { fill: var(--none); font-weight: 600; }
.plot .mark-text { fill: var(--ink); }
.reasons { margin: 0.8rem 0 0; padding-left: 1.2rem; overflow-wrap: anywhere; }
.reasons + .plots, .soft + figure { margin-top: 0.8rem; }
details { margin-top: 0.9rem; padding: 0.8rem 1.1rem; }
details[open] { padding-bottom: 1.2rem; }
summary { cursor: pointer; font-weight: 650; overflow-wrap: anywhere; }
summary .outcome { margin-left: 0.6rem; }
@media screen and (max-width: 40rem) {
  .list th, .list td { padding: 0.55rem 0.7rem; }
  .timeline .wide { display: none; }
  .list .failures th[scope="row"] { width: 40%; }
  .list .hosts th[scope="row"] { min-width: 6.5rem; }
  .plot { font-size: 17px; }
  .hosts .number, .hosts th.number { display: none; }
}
@media print {
  figure, .problem, .commands div { break-inside: avoid; }
  details::details-content { content-visibility: visible; }
}
"""
