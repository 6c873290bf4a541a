# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options of the modules that hash pictures."""

    DOCUMENTATION = r"""
options:
  max_failure_rate:
    description:
      - Per cent of failures above which the run fails before any byte is written.
      - A failure is an item that names a picture and gets no dHash. It counts against all items that name a picture;
        items with no image or a remote one are for review, and neither a failure nor counted.
      - A C(file:) URL and a path that begins with C(//) name a picture on the host; remote is what names another one.
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

    # Where the pictures are.
    IMAGES = r"""
options:
  image_root:
    description:
      - Folder that the images of items resolve under, also those with an absolute path or a C(file:) URL.
      - An image whose path leaves it is not read.
      - When omitted, the folder of the library.
    type: path
"""

    # Which items of the library are meant, and when a picture of theirs is hashed.
    ITEMS = r"""
options:
  items:
    description:
      - Where the items are, as selectors such as C(components[]), C(games[].components[]), C([]) or C("odd.name"[]).
      - When empty, C([]), C(components[]), C(games[]), C(games[].components[]) and C(images[]), each where the library
        has it.
      - Every object there is an item, except for one that holds lists of further items and has no O(image_key) itself.
    type: list
    elements: str
    default: []
  image_key:
    description: Member of an item that names its image.
    type: str
    default: image
  rehash:
    description:
      - V(changed) hashes the pictures that are new or changed since they were last hashed, told by size, mtime and
        ctime.
      - V(missing) leaves items that have a valid dHash as they are, whatever became of their picture.
      - V(all) hashes every picture again.
    type: str
    choices: [changed, missing, all]
    default: changed
"""

    # How pictures are hashed.
    ENGINE = r"""
options:
  python:
    description:
      - Python on the host that has Pillow. Handled on the controller, where it wins over the variable
        C(ansible_python_interpreter), also over an extra variable of that name; that variable counts when omitted.
    type: path
  workers:
    description: Processes that hash; V(0) for one per processor.
    type: int
    default: 0
  image_timeout:
    description: Seconds that one picture may take.
    type: float
    default: 30
  max_pixels:
    description: The most pixels, width times height, that a picture may have.
    type: int
    default: 178956970
  max_memory:
    description: Memory in MiB that one picture may take; when omitted, what O(max_pixels) pixels need.
    type: int
  mode:
    description:
      - V(exact) gives the dHash of ImageHash, to the bit.
      - V(fast) has JPEG pictures decoded small and in grey, in less than half of the time. Most of their dHashes are
        the same, nearly all within two bits; those of other formats are exact. The library tells the mode, a picture
        that was hashed in the other one counts as changed, and all hosts that compare dHashes should use the same.
    type: str
    choices: [exact, fast]
    default: exact
requirements:
  - Pillow on the host, for the Python that runs the module
  - ImageHash there too, when its version shall be recorded; the hashes are the same without it
"""
