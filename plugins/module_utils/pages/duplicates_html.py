# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Made from pages/duplicates.html by ``make pages``; edit that file."""

from __future__ import annotations

# fmt: off
SOURCE = r"""<!-- part: opening -->
<a class="skip" href="#main">Skip to the groups</a>
<header>
<p class="kicker">Duplicates by dHash</p>
<h1>$library</h1>
<p class="lede">$lede</p>
$counts
$notes
</header>
<main id="main">
<!-- part: note -->
<p class="note">$note</p>
<!-- part: exact -->
<section aria-labelledby="exact">
<h2 id="exact">Equal dHashes</h2>
<p class="soft">Different files whose pictures give the same dHash: copies, other sizes or other formats of
one picture.</p>
<!-- part: near -->
<section aria-labelledby="near">
<h2 id="near">Nearly equal dHashes</h2>
<p class="soft">Any two items of a group are within the distance.
The squares mark the bits that differ from the first item.</p>
<!-- part: groups-end -->
</section>
<!-- part: group -->
<article class="sheet group"><h3>$count items <span class="soft">$what</span></h3>
<ul class="tiles" role="list">$tiles</ul>$rest</article>
<!-- part: tile -->
<li>$picture<div class="of"><code class="image">$image</code><code class="soft pointer">$pointer</code>
<span class="hash">$bits<span><span class="mono">$dhash</span>$away$similar</span></span></div></li>
<!-- part: picture -->
<span class="tile"><img src="$uri" alt="" loading="lazy" decoding="async"></span>
<!-- part: no-picture -->
<span class="tile bare">image not available</span>
<!-- part: away -->
<span class="away">$away</span>
<!-- part: similar -->
<a href="$url" aria-label="similar items to $dhash, from the service">similar items</a>
<!-- part: rest -->
<p class="soft more">and $rest more; the CSV and JSON exports have all.</p>
<!-- part: nothing -->
<section class="sheet empty" aria-labelledby="none"><h2 id="none">No duplicates</h2>
<p class="soft">No two image files have dHashes within the distance.</p></section>
<!-- part: same-file -->
<section aria-labelledby="shared"><h2 id="shared">One file, several items</h2>
<p class="soft">These items name the same file, so that they are no duplicates of each other.</p>
<div class="sheet list"><table>
<thead><tr><th scope="col">File</th><th scope="col">Items</th><th scope="col">Where</th></tr></thead>
<tbody>$rows</tbody></table>$rest</div></section>
<!-- part: file -->
<tr><th scope="row"><code>$image</code></th><td>$count</td><td><code>$pointers</code></td></tr>
<!-- part: flat -->
<section aria-labelledby="flat"><h2 id="flat">Flat pictures</h2>
<p class="soft">Their dHash is all zero: no pixel is brighter than the one to its left.
It does not depend on what they show, so they are not compared.</p>
<div class="sheet list"><table>
<thead><tr><th scope="col">File</th><th scope="col">Where</th></tr></thead>
<tbody>$rows</tbody></table>$rest</div></section>
<!-- part: flat-item -->
<tr><th scope="row"><code>$image</code></th><td><code>$pointer</code></td></tr>
<!-- part: closing -->
</main>
<footer>
<p>A dHash is 64 comparisons of neighboring grays in a picture of 9 by 8 pixels. The small square draws them:
filled where the right neighbor is brighter.</p>
$service
<p>Library SHA-256 <code class="sha">$sha256</code></p>
</footer>
<!-- part: service -->
<p>The links <q>similar items</q> ask the HTTP service of this library, at its address on the host.</p>
"""
