# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the picture of an item, or the reason why there is none."""

from __future__ import annotations

import stat
from typing import NamedTuple, Union

from ..storage.images import ImageRoot, Look, UnsafePath


class Refusal(NamedTuple):
    """Why an item's picture is not tried: a code and a sentence."""

    code: str
    text: str


def locate(root: ImageRoot, image: object) -> Union[Look, Refusal]:
    """Return the picture that an item names, and its stat; or why there is none."""
    if image is None or image == "":
        return Refusal("no-image", "the item does not name an image")
    if not isinstance(image, str):
        return Refusal("not-a-path", "the image is not a string")
    try:
        found = root.look(image)
    except UnsafePath as error:
        return Refusal(error.reason, error.what if error.reason == "remote" else _with_hint(error.what, root, image))
    except (FileNotFoundError, NotADirectoryError):
        return Refusal("missing", _with_hint("no such file", root, image))
    except OSError as error:
        return Refusal("unreadable", error.strerror or str(error))
    except ValueError:
        return Refusal("not-a-path", "the image is not a valid file name")
    if not stat.S_ISREG(found.facts.st_mode):
        return Refusal("not-a-file", "not a regular file")
    return found


def _with_hint(text: str, root: ImageRoot, image: str) -> str:
    hint = root.hint(image)
    return f"{text}, but {hint}" if hint else text
