# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Made from pages/frame.html by ``make pages``; edit that file."""

from __future__ import annotations

# fmt: off
SOURCE = r"""<!-- part: head -->
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="$policy">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>$title</title>
<style>$style</style>$plain
</head>
<body>
<!-- part: plain -->

<noscript><style>$style</style></noscript>
<!-- part: script -->
<script>$script</script>
<!-- part: end -->
</body>
</html>
<!-- part: counts -->
<dl class="counts">$counts</dl>
<!-- part: count -->
<div><dt>$name</dt><dd>$value</dd></div>
<!-- part: bits -->
<svg class="bits" viewBox="0 0 8 8" aria-hidden="true"><path d="$squares"/>$marks</svg>
<!-- part: bits-differ -->
<path class="differ" d="$squares"/>
"""
