# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options of the modules that hash images."""

    DOCUMENTATION = r"""
options:
  max_failure_rate:
    description:
      - Percentage of failures above which the run fails before any byte is written.
      - A failure is an item that names an image but gets no dHash. The rate is relative to all items that name an
        image; items without an image or with a remote one need review, and do not count.
      - A C(file:) URL and a path that begins with C(//) name an image on the host; an image on another host is remote.
    type: float
    default: 5
  confidence_threshold:
    description: Items under this confidence make up the review queue. It changes counts, never the library.
    type: float
    default: 0.7
  log_dir:
    description: Folder of the logs; C(logs) beside the library when omitted.
    type: path
"""

    # The folder of the images.
    IMAGES = r"""
options:
  image_root:
    description:
      - Folder that the images of items resolve under, also those with an absolute path or a C(file:) URL.
      - An image whose path leaves it is not read.
      - When omitted, the folder of the library.
    type: path
"""

    # The items of the library, and when their images are hashed.
    ITEMS = r"""
options:
  items:
    description:
      - Where the items are, as selectors such as C(components[]), C(games[].components[]), C([]) or C("odd.name"[]).
      - When empty, C([]), C(components[]), C(games[]), C(games[].components[]) and C(images[]), each where the library
        has it.
      - Every object there is an item, except one that holds lists of further items and has no O(image_key) itself.
    type: list
    elements: str
    default: []
  image_key:
    description: Member of an item that names its image.
    type: str
    default: image
  rehash:
    description:
      - V(changed) hashes the images that are new or changed since they were last hashed, by size, mtime and
        ctime.
      - V(missing) leaves items with a valid dHash as they are, even if their image has changed.
      - V(all) hashes every image again.
    type: str
    choices: [changed, missing, all]
    default: changed
"""

    # How images are hashed.
    ENGINE = r"""
options:
  python:
    description:
      - Python on the host that has Pillow. Handled on the controller, where it overrides the variable
        C(ansible_python_interpreter), even one set as an extra variable; when omitted, that variable applies.
    type: path
  workers:
    description: Processes that hash; V(0) for one per processor.
    type: int
    default: 0
  image_timeout:
    description: Time limit for one image, in seconds.
    type: float
    default: 30
  max_pixels:
    description: Limit of pixels, width times height, of an image.
    type: int
    default: 178956970
  max_memory:
    description: Memory limit for one image, in MiB; when omitted, what O(max_pixels) pixels need.
    type: int
  mode:
    description:
      - V(exact) gives the dHash of ImageHash, bit for bit.
      - V(fast) decodes JPEG images small and in grey, in less than half of the time. Most of their dHashes are the
        same, nearly all within two bits; those of other formats are exact. The library has the mode, an image that was
        hashed in the other mode counts as changed, and all hosts that compare dHashes should use the same mode.
    type: str
    choices: [exact, fast]
    default: exact
requirements:
  - Pillow on the host, for the Python that runs the module
  - ImageHash on the host, to record its version; the hashes are the same without it
"""

    # The verification that follows at once. Each module describes when it does.
    VERIFY = r"""
options:
  verify:
    type: dict
    suboptions:
      complete:
        description: As O(mobius.dhash.library_verify#module:complete).
        type: str
        choices: [auto, always, never]
        default: auto
      schema:
        description: As O(mobius.dhash.library_verify#module:schema).
        type: path
      sample:
        description: As O(mobius.dhash.library_verify#module:sample).
        type: int
        default: 0
"""
