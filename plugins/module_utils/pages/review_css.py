# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Made from pages/review.css by ``make pages``; edit that file."""

from __future__ import annotations

# fmt: off
SOURCE = r""".why th { font-weight: 600; white-space: nowrap; }
.name { display: block; font-size: 1.05rem; font-weight: 650; line-height: 1.3; overflow-wrap: anywhere; }
.facts { display: grid; grid-template-columns: auto 1fr; gap: 0.1rem 0.7rem; margin-top: 0.4rem; font-size: 0.85rem; }
.facts dt { color: var(--soft); }
.facts dd { overflow-wrap: anywhere; min-width: 0; }
.sure .value { display: block; font-size: 1.3rem; font-weight: 650; line-height: 1.3;
  font-variant-numeric: tabular-nums; }
.bar { display: block; width: 6.5rem; height: 0.55rem; margin-top: 0.25rem; overflow: visible; }
.bar .track { fill: var(--line); }
.bar .mark { fill: var(--ink); }
.none .value { color: var(--none); } .none .fill { fill: var(--none); }
.low .value { color: var(--low); } .low .fill { fill: var(--low); }
.near .value { color: var(--near); } .near .fill { fill: var(--near); }
.hash .mono { display: block; margin-top: 0.4rem; }
.reason + .reason { margin-top: 0.5rem; }
.reason b { font-weight: 650; }
.reason span { display: block; color: var(--soft); font-size: 0.88rem; line-height: 1.4; overflow-wrap: anywhere; }
.earlier b { color: var(--accent); }
.sha { overflow-wrap: anywhere; }
.filter { border: 0; padding: 0; margin-bottom: 0.9rem; display: flex; flex-wrap: wrap; gap: 0.45rem; min-width: 0; }
.filter legend { float: left; color: var(--soft); font-size: 0.9rem; padding: 0.3rem 0.5rem 0 0; }
.filter input { position: absolute; opacity: 0; }
.filter label { border: 1px solid var(--line); background: var(--sheet); border-radius: 99px; padding: 0.25rem 0.85rem;
  font-size: 0.9rem; cursor: pointer; }
.filter label small { color: var(--soft); margin-left: 0.3rem; font-variant-numeric: tabular-nums; }
.filter input:checked + label { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
.filter input:checked + label small { color: inherit; }
.filter input:focus-visible + label { outline: 3px solid var(--accent); outline-offset: 2px; }
/* Rows are grids in blocks of 25: what is off screen is left out of the layout, which no part of a table could be, and
   one block costs each frame as much as one row. */
.queue, .queue tbody, .queue caption { display: block; }
.queue tr { display: grid; grid-template-columns: 7rem minmax(0, 5fr) 6.7rem 9.5rem minmax(0, 5fr); gap: 1.3rem;
  padding: 0.8rem 1.1rem; }
.queue.plain tr { grid-template-columns: minmax(0, 5fr) 6.7rem 9.5rem minmax(0, 5fr); }
.queue thead { display: block; background: var(--tint); }
.queue thead tr { padding-block: 0.5rem; }
.queue tr > *, .queue tbody tr:first-child > * { padding: 0; border: 0; }
.queue tbody tr { border-top: 1px solid var(--line); }
.queue tbody { content-visibility: auto; contain-intrinsic-size: auto 225rem; }
.decides .queue tbody { contain-intrinsic-size: auto 305rem; }
.queue tbody tr.out, .queue tbody.out { display: none; }
.queue tbody tr:focus { outline: none; }
.queue tbody tr.current { box-shadow: inset 4px 0 0 var(--accent); background: var(--tint); }
.decide { grid-column: 1 / -1; display: flex; flex-wrap: wrap; gap: 0.6rem 1rem; align-items: center; }
.buttons { display: inline-flex; flex-wrap: wrap; gap: 0.4rem; }
button, .tools input, .tools select, .comment { font: inherit; font-size: 0.95rem; color: inherit;
  border: 1px solid var(--soft); border-radius: 8px; background: var(--sheet); padding: 0.35rem 0.8rem;
  min-width: 0; max-width: 100%; }
button { cursor: pointer; }
button:hover { border-color: var(--accent); }
button.main, [data-do][aria-pressed=true] { background: var(--accent); border-color: var(--accent);
  color: var(--on-accent); }
[data-do=wrong_picture][aria-pressed=true] { background: var(--none); border-color: var(--none); color: var(--sheet); }
.comment { flex: 1 1 14rem; }
.comment::placeholder { color: var(--soft); opacity: 1; }
.comment:focus-visible, .tools input:focus-visible, .tools select:focus-visible, summary:focus-visible {
  outline: 3px solid var(--accent); outline-offset: 1px; }
.tools { padding: 1rem 1.1rem; margin-top: 3rem; }
.tools h2 { margin: 0 0 0.3rem; }
.fields { display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); gap: 0.8rem; margin: 0.9rem 0; }
.fields label { display: block; font-size: 0.85rem; color: var(--soft); }
.fields input, .fields select { width: 100%; }
.keys { display: grid; grid-template-columns: auto 1fr; gap: 0.3rem 0.9rem; margin-top: 0.5rem; }
kbd { border: 1px solid var(--line); border-bottom-width: 2px; border-radius: 5px; padding: 0 0.4rem;
  background: var(--tint); }
.actions { position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; gap: 0.5rem 1rem;
  align-items: center; padding: 0.6rem 1.1rem; margin-top: 1rem; box-shadow: 0 2px 10px rgb(0 0 0 / 0.18); }
.actions progress { width: 9rem; accent-color: var(--accent); }
#count { font-variant-numeric: tabular-nums; }
#message { color: var(--soft); font-size: 0.9rem; }
html.decides { scroll-padding-block: 8rem 2rem; }
@media screen and (max-width: 52rem) {
  table, tbody, caption { display: block; }
  thead, .queue thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .why tr { display: grid; grid-template-columns: 1fr auto; padding: 0.7rem 1.1rem; }
  .why tr > *, .why tbody tr:first-child > * { padding: 0.1rem 0; border: 0; }
  .why td:nth-child(n + 3) { grid-column: 1 / -1; }
  .why td:last-child { color: var(--soft); }
  .why tbody tr { border-top: 1px solid var(--line); }
  .queue tbody tr, .queue.plain tbody tr { grid-template-columns: 7rem minmax(0, 1fr); gap: 0.8rem 1rem; }
  .queue tbody, .decides .queue tbody { contain-intrinsic-size: auto 620rem; }
  .queue.plain .item, .queue .why-here { grid-column: 1 / -1; }
  .hash { display: flex; gap: 0.8rem; align-items: center; }
  .hash .mono { margin: 0; overflow-wrap: anywhere; }
  .actions { padding: 0.5rem 0.8rem; }
  .actions progress { flex: 1 1 5rem; width: auto; }
  .actions [data-go=previous], .actions [data-go=next] { display: none; }
}
@media print {
  .filter, .tools, .actions { display: none; }
  .queue tbody { content-visibility: visible; }
  .queue tbody tr { break-inside: avoid; }
  .queue tr { grid-template-columns: 5rem minmax(0, 4fr) 6rem 8rem minmax(0, 5fr); padding: 0.5rem 0.6rem; }
  .decide button[aria-pressed=false], .comment:placeholder-shown { display: none; }
}
"""
