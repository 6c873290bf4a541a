# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Made from pages/report.html by ``make pages``; edit that file."""

from __future__ import annotations

# fmt: off
SOURCE = r"""<!-- part: opening -->
<a class="skip" href="#main">Skip to the report</a>
<header>
<p class="kicker">$kind</p>
<h1><span class="outcome $tone">$outcome</span></h1>
<p class="lede">$message</p>
$counts
$meta
</header>
<main id="main">
<!-- part: meta -->
<dl class="meta">$rows</dl>
<!-- part: meta-row -->
<div><dt>$name</dt><dd>$value</dd></div>
<!-- part: closing -->
</main>
<footer>
<p>Written by mobius.dhash at the end of the run. Times are UTC. This page makes no request.</p>
</footer>
<!-- part: section -->
<section aria-labelledby="$id">
<h$level id="$id">$title</h$level>
$body
</section>
<!-- part: subsection -->
<h$level id="$id">$title</h$level>
$body
<!-- part: problem -->
<div class="sheet problem"><p><strong>Step $step</strong>$task</p>
<pre>$message</pre></div>
<!-- part: afterwards -->
<div class="sheet problem"><p><strong>Afterwards</strong></p>
<pre>$message</pre></div>
<!-- part: commands -->
<dl class="commands">$rows</dl>
<!-- part: command -->
<div><dt>$name</dt><dd><code>$command</code></dd></div>
<!-- part: facts -->
<div class="sheet list"><table><tbody>$rows</tbody></table></div>
<!-- part: fact -->
<tr><th scope="row">$name</th><td>$value</td></tr>
<!-- part: link -->
<a href="$url"><code>$text</code></a>
<!-- part: code -->
<code>$text</code>
<!-- part: timeline -->
<div class="sheet list"><table class="timeline">
<thead><tr><th scope="col">$what</th><th scope="col">Outcome</th><th scope="col" class="number">Time</th>
<th scope="col" class="wide">$start to $end</th></tr></thead>
<tbody>$rows</tbody></table></div>
<!-- part: step -->
<tr><th scope="row">$name</th><td><span class="outcome $tone">$outcome</span></td><td class="number">$time</td>
<td class="wide">$bar</td></tr>
<!-- part: figure -->
<figure class="sheet"><figcaption>$caption</figcaption>$plot</figure>
<!-- part: plots -->
<div class="plots">$plots</div>
<!-- part: text -->
<p class="soft">$text</p>
<!-- part: list -->
<ul class="reasons">$rows</ul>
<!-- part: entry -->
<li>$text</li>
<!-- part: failures -->
<div class="sheet list"><table class="failures">
<thead><tr><th scope="col">Image</th><th scope="col">Reason</th><th scope="col">Where</th></tr></thead>
<tbody>$rows</tbody></table>$rest</div>
<!-- part: failed-item -->
<tr><th scope="row"><code>$image</code></th><td><strong>$reason</strong> $message</td>
<td><code>$pointer</code></td></tr>
<!-- part: rest -->
<p class="soft more">$text</p>
<!-- part: hosts -->
<div class="sheet list"><table class="hosts">
<thead><tr><th scope="col">Host</th><th scope="col">Outcome</th><th scope="col">What happened</th>
<th scope="col" class="number">Time</th></tr></thead>
<tbody>$rows</tbody></table></div>
<!-- part: host -->
<tr><th scope="row">$host</th><td><span class="outcome $tone">$outcome</span></td><td>$message</td>
<td class="number">$time</td></tr>
<!-- part: host-link -->
<a href="#$id">$host</a>
<!-- part: details -->
<details class="sheet" id="$id"><summary>$host <span class="outcome $tone">$outcome</span></summary>
$body
</details>
<!-- part: details-open -->
<details class="sheet" id="$id" open><summary>$host <span class="outcome $tone">$outcome</span></summary>
$body
</details>
"""
