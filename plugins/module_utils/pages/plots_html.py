# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Made from pages/plots.html by ``make pages``; edit that file."""

from __future__ import annotations

# fmt: off
SOURCE = r"""<!-- part: plot -->
<svg class="plot" viewBox="0 0 $width $height" role="img" aria-label="$label">$inside</svg>
<!-- part: grid -->
<path class="grid" d="$path"/>
<!-- part: bar -->
<rect class="$kind" x="$x" y="$y" width="$width" height="$height" rx="1.5"><title>$title</title></rect>
<!-- part: line -->
<path class="curve" d="$path"/>
<!-- part: dot -->
<circle class="dot $kind" cx="$x" cy="$y" r="3.2"><title>$title</title></circle>
<!-- part: limit -->
<path class="limit" d="$path"/>
<!-- part: mark -->
<path class="mark" d="$path"/>
<!-- part: text -->
<text class="$kind" x="$x" y="$y" text-anchor="$anchor">$text</text>
<!-- part: span -->
<svg class="span" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">
<rect class="$kind" x="$x" y="0" width="$width" height="10"/></svg>
"""
