# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Made from pages/review.html by ``make pages``; edit that file."""

from __future__ import annotations

# fmt: off
SOURCE = r"""<!-- part: opening -->
<a class="skip" href="#queue">Skip to the queue</a>
<header>
<p class="kicker">dHash review queue</p>
<h1>$library</h1>
$lede
$counts
$notes
</header>
<main data-library="$facts">
<!-- part: lede -->
<p class="lede">$lede</p>
<!-- part: note -->
<p class="note">$note</p>
<!-- part: why -->
<section aria-labelledby="why">
<h2 id="why">Why they are here</h2>
<div class="sheet"><table class="why" role="table">
<caption>Each reason, how many items have it, and what helps.</caption>
<thead role="rowgroup"><tr role="row"><th scope="col" role="columnheader">Reason</th>
<th scope="col" role="columnheader">Items</th><th scope="col" role="columnheader">What it means</th>
<th scope="col" role="columnheader">What helps</th></tr></thead>
<tbody role="rowgroup">
$rows
</tbody></table></div></section>
<!-- part: why-row -->
<tr role="row"><th scope="row" role="rowheader">$title</th><td role="cell">$count</td>
<td role="cell">$meaning</td><td role="cell">$remedy</td></tr>
<!-- part: queue -->
<section aria-labelledby="queue" class="list">
<h2 id="queue">The queue</h2>
$filter
<div class="sheet"><table class="queue$plain" role="table">
<caption>$caption</caption>
<thead role="rowgroup"><tr role="row">$heads</tr></thead>
$rows
</table></div></section>
<!-- part: rows -->
<tbody role="rowgroup">
$rows
</tbody>
<!-- part: head -->
<th scope="col" role="columnheader">$name</th>
<!-- part: filter -->
<fieldset class="filter"><legend>Show</legend><input type="radio" name="reason" id="all" checked>
<label for="all">All <small>$total</small></label>$reasons</fieldset>
<!-- part: filter-reason -->
<input type="radio" name="reason" id="$name"><label for="$name">$title <small>$count</small></label>
<!-- part: row -->
<tr role="row" class="$kinds" data-item="$facts">$picture
<th scope="row" role="rowheader" class="item"><span class="name">$name</span>$about</th>
<td role="cell" class="sure $level">$confidence</td>
<td role="cell" class="hash">$hash</td>
<td role="cell" class="why-here">$reasons$review</td></tr>
<!-- part: picture -->
<td role="cell" class="picture">$tile</td>
<!-- part: tile -->
<span class="tile"><img src="$uri" alt="Picture of $name" loading="lazy" decoding="async"></span>
<!-- part: no-tile -->
<span class="tile bare">image not available</span>
<!-- part: about -->
<dl class="facts">$lines</dl>
<!-- part: about-line -->
<dt>$name</dt><dd><code>$value</code></dd>
<!-- part: confidence -->
<span class="value">$value</span>
<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
<rect class="track" width="100" height="8" rx="3"/><rect class="fill" width="$fill" height="8" rx="3"/>
<rect class="mark" x="$mark" y="-3" width="1.6" height="14"/></svg>
<!-- part: hash -->
$bits<span class="mono">$dhash</span>
<!-- part: no-hash -->
<span class="soft">no dHash</span>
<!-- part: reason -->
<div class="reason"><b>$title</b><span>$meaning</span></div>
<!-- part: no-reason -->
<span class="soft">The library gives no reason.</span>
<!-- part: review -->
<div class="reason earlier"><b>Reviewed: $decision</b><span>$by$comment</span></div>
<!-- part: nothing -->
<section class="sheet empty" aria-labelledby="queue">
<svg viewBox="0 0 48 48" aria-hidden="true"><circle cx="24" cy="24" r="20"/><path d="M15 25l6.5 6.5L34 18"/></svg>
<h2 id="queue">Nothing to review</h2>
<p class="soft">No open item has a confidence below the threshold.</p></section>
<!-- part: unmigrated -->
<section class="sheet empty" aria-labelledby="queue">
<h2 id="queue">Not migrated yet</h2>
<p class="soft">No item of this library has been migrated.</p></section>
<!-- part: closing -->
</main>
<footer>
$made_with
<p>A dHash is 64 comparisons of neighboring grays in a picture of 9 by 8 pixels. The small square draws them: filled
where the right neighbor is brighter. Confidence, from 0 to 1, is how far they stand clear of noise.</p>
$sha256
</footer>
$tools
<!-- part: library-hash -->
<p>Library SHA-256 <code class="sha">$sha256</code></p>
<!-- part: made-with -->
<p>$made_with</p>
<!-- part: tools -->
<template id="tools"><section class="tools sheet" aria-labelledby="decide">
<h2 id="decide">Decide</h2>
<p class="soft">Look at each item and decide. Decisions stay in this browser until they are exported; apply the exported
file with <code>playbooks/review_apply.yml</code>.</p>
<div class="fields">
<span><label for="by">Your name</label><input id="by" maxlength="100" autocomplete="name"></span>
<span><label for="search">Search</label><input id="search" type="search"></span>
<span><label for="state">Decisions</label><select id="state"><option value="">All</option>
<option value="open">Not decided</option><option value="accept">Accepted</option>
<option value="wrong_picture">Wrong picture</option><option value="leave_out">Left out</option></select></span>
<span><label for="load">Continue from a file</label><input id="load" type="file" accept=".json,application/json"></span>
</div>
<details><summary>Keyboard</summary>
<p><input type="checkbox" id="keys" checked> <label for="keys">Single keys decide</label></p>
<dl class="keys"><dt><kbd>j</kbd> <kbd>k</kbd></dt><dd>next, previous item</dd><dt><kbd>a</kbd></dt><dd>accept</dd>
<dt><kbd>w</kbd></dt><dd>wrong picture</dd><dt><kbd>l</kbd></dt><dd>leave out</dd><dt><kbd>u</kbd></dt><dd>undo</dd>
<dt><kbd>c</kbd></dt><dd>comment, <kbd>Esc</kbd> ends it</dd><dt><kbd>/</kbd></dt><dd>search</dd>
<dt><kbd>e</kbd></dt><dd>export</dd></dl></details></section></template>
<template id="bar"><div class="actions sheet" role="region" aria-label="Progress">
<progress id="progress" aria-label="Decided items"></progress><span id="count"></span>
<span class="buttons"><button type="button" data-go="previous">Previous</button>
<button type="button" data-go="next">Next</button><button type="button" data-go="undo">Undo</button>
<button type="button" data-go="export" class="main">Export decisions</button></span>
<span id="message" role="status"></span></div></template>
<template id="controls"><td role="cell" class="decide"><div class="buttons" role="group">
<button type="button" data-do="accept" aria-pressed="false">Accept</button>
<button type="button" data-do="wrong_picture" aria-pressed="false">Wrong picture</button>
<button type="button" data-do="leave_out" aria-pressed="false">Leave out</button></div>
<input class="comment" maxlength="1000" placeholder="Comment"></td></template>
"""
