"""The sentences of docs/performance.md."""

HEAD = """
# Performance

What the engine, a migration, a backup and a deployment take, side by side with what else does the same, in one run on
one machine. This page, its plots and every number in it are written by `make bench`:

```
make bench
make bench BENCH=engine,items
make bench BENCH_PICTURES=/srv/mobius/images
make bench BENCH_LIMIT=20
```

The first measures everything but `fleet`, which takes 15 minutes of its own: `make bench BENCH=fleet`. The second
measures some sections (`engine`, `items`, `backup`, `duplicates`, `deploy`, `fleet`) and keeps the results of the
others. The third takes pictures of your own, each folder in it as one corpus. The last tries the bench on few pictures,
and writes below `.cache/bench/trial` instead of here.

Without a folder of your own, three corpora are built from Debian and PyPI packages (`tests/bench/corpora.py`):
`tokens` (small pictures of games; PNG, GIF, JPEG), `web` (JPEG of about 1000 pixels) and `photos` (JPEG of 10 to 24
megapixels).
"""

AIMS = """
## Aims

What the project set itself. A **no** is where it is behind; what is faster than ours is named below each table.
"""

ENGINE = """
## Hashing

Each approach hashes the same list of pictures, in a fresh process, in turn; the order moves on by one each round. The
time is that of the whole loop: starting and ending worker processes is in it, imports are not. A round before the
timed ones fills the page cache; memory and bits are taken from that one. Every approach but `naive` uses as many
workers as there are processors.

- **naive**: `imagehash.dhash(Image.open(path))` in a loop; the definition of the bits. With threads or processes:
  the same over a pool of `concurrent.futures`.
- **ours**: the engine of a migration in exact mode, in the environment that the role `runtime` makes: Pillow, NumPy
  (which ImageHash brings) and zlib-ng. **Pillow alone** is the lean environment, **turbo** is `mobius_runtime_turbo`
  (libdeflate), **fast** is `mode: fast` with that. Limits on time and memory of each picture, the confidence and its
  reasons are included; the others have none of these. In a migration the engine imports NumPy and the decoders by
  itself when the pictures have taken half a second, which takes less than 0.1 s once; here they are imported before, as
  for the others.
- **imagededup**: `DHash().encode_images`, without its neural network and PyTorch, which its hashes do not use.
- **perception**: `DHash().compute` over a pool of processes, OpenCV with one thread in each. Its bits are turned over
  before they are compared, as its bit is 1 where ImageHash's is 0.
- **pyvips thumbnail**, **sharp**: no dHash of their own; the picture is shrunk to 9 by 8 greys and neighbours are
  compared.

"Times naive" is the median over the rounds of naive's time divided by the approach's in the same round. CPU seconds
include child processes. Peak memory is that of the whole tree of processes, shared pages counted once. "Equal" and
"within 2 bits" compare with naive over the pictures that both hash; "worst" is the most bits that any hash is away.
"""

ITEMS = """
## By number of items

The logic of `dhash_migrate` on one library: pictures hashed, backup, library replaced and proven; then once more with
nothing to do. Each item has a picture file of its own name; behind them {drawn} drawn PNG of {side} by {side} pixels
repeat. The time is that of the call in a fresh process, without imports. "Real pictures" repeat those of the corpus
`tokens`: what share of the first run a second one takes depends on how long the pictures take.
"""

ONE_NEW = """
The usual run: one item is new and its picture is known, all others are as they were. Beside it what `json.load` and
`json.dump` of the same file take. The JSON work of a first run is to read, to edit and to prove a library in which
every item changes, without its pictures.
"""

BACKUP = """
## Backup

A file that the page cache has is copied on one disk, and its SHA-256 written beside the copy. `library_backup` (the
call without Ansible, the first backup of this file) hashes while it copies; meanwhile it syncs the copy, drops it from
the cache, reads it back and compares it with what was written, and then it syncs the checksum and the folder.
`cp && sha256sum` leaves the copy in the page cache and reads it from there; the second row syncs the copy too.
"""

DUPLICATES = """
## Duplicates

Pairs of dHashes within 3 bits of each other. The hashes are those of the corpus `tokens` and as many more as needed,
each of them a real one with up to 32 bits flipped. For the {real:,} real ones the pairs at every distance from 0 to 10
equal those of comparing every pair. First the search alone, in a fresh process, without imports, beside comparing every
pair and beside imagededup's two searches, which find the same pairs; then the logic of `library_duplicates` on a
library: read, search, group.
"""

DEPLOY = """
## A deployment

The sample library of 60 items, by `playbooks/deploy.yml`: on this machine as `make deploy` does it, and on ten hosts
at once (systemd and sshd in containers on this machine, so that all share its processors; a user without root;
`serial` 100 %). The environment for hashing is there before. Wall time of `ansible-playbook` as a whole. Tasks are
those of one host that ran, as the recap counts them; "modules run" are those that were executed on the host, in a run
that is not timed.
"""

CONTROLLER = """
What a run costs the controller. Each host has a local connection, so that the CPU of the modules is counted too, a copy
of the sample library and no service; the environment for hashing is there before. Tasks started are those of one host,
executed or skipped; modules are those that one host executed. Beside it a playbook of one `ping`, and Ansistrano
deploying one file by copy. The CPU is that of `ansible-playbook` with all its children.
"""

FLEET = """
## From 1 to 100 hosts

The sample library of 60 items on hosts of their own over ssh: an sshd for each on the loopback address, with its own
port, home and library, on the machine of the controller. All hosts in one batch, {forks} at a time (`--forks`), no
service; the environment for hashing is there before. Controller CPU is that of `ansible-playbook` and its children
(without the ssh that keeps a connection open), host CPU that of the sshd and what it runs. Memory is that of the
controller's whole tree of processes, shared pages counted once, looked at every second. One run of each, in this
order, as far as they end within the bound. [What that means for 1,000 and 10,000 hosts](scale.md).
"""

PARTS = """
## What each part is worth

Measured apart from the rest of this page, on a machine that was busy with other work: CPU seconds (user and system) of
one process, the least of two to four rounds in turn, so that the shares are good to some percent and the times are
not those of an idle machine. "Gain" is the CPU time without the part divided by that with it; below 1.10 in the
default environment a part has to be justified otherwise.

| part | lines, with tests | gain by default | gain elsewhere | kept |
| --- | ---: | --- | --- | --- |
| second PNG path (`dhash/png.py`, zlib-ng) | 554 | 1.05 on tokens | 1.06 on tokens with libdeflate | yes, see below |
| JPEG path (simplejpeg) | 346 | none | turbo: 1.02 on web, 0.92 on photos | no, removed |
| NumPy's shrinking (`dhash/shrink.py`) | 292 | 1.12 on web, 1.00 on tokens | 1.24 on web with turbo | yes |
| `migration/last_run.py` | 678 | 6.8 on a run with nothing to do | | yes |
| strict reader (`library/validate.py`) | 531 | | | yes, see below |

- **PNG**: the wall times of the tables above, on an idle machine, give 1.11 for the PNG path and NumPy together on
  tokens (1.85 to 1.67). Decoding alone, 1,848 PNG of tokens, one process: Pillow 500 µs a picture, of which opening is
  41; Pillow with this path and zlib-ng 423, with libdeflate 421; opening by Pillow and decoding by pyspng 354, pyspng
  alone 250; OpenCV 369. pyspng's pixels were the same for all 1,668 of RGBA, RGB and L; it expands the 180 with a
  palette to RGB, and refuses 80 of the 1,928 files that Pillow reads. Of about 600 µs that a token takes as a whole it
  would save 67, less what turning its array into a picture takes, so tokens would reach about 2.0 and not perception's
  2.11, and Pillow would still be needed for what it refuses. It needs NumPy and is marked as beta. Not taken.
- **`last_run`**: with nothing to do 20,000 items take 0.095 s with it and 0.64 s when every item is looked at (4.7
  and 32 µs per item). Without it the aim of 3 % of the first run would be missed.
- **Strict reader**: `json` with `object_pairs_hook` and `parse_constant` reads a library of 34 MB in half the time
  (0.45 s and 0.88 s), but takes 137 MB for it where the strict reader takes 24, so its memory grows with the library;
  it has no place for a key given twice, and accepts lone surrogates silently. It cannot replace it.

JSON work of a first run, in instructions per item (cachegrind; items of 335 bytes; the difference between 3,000 and
1,000 items). `json.load` and `json.dump` of the same file take 96,800.

| | before | after |
| --- | ---: | ---: |
| read, and note the results | 49,100 | 48,500 |
| edit and write | 55,900 | 43,100 |
| prove | 111,200 | 80,100 |
| all | 216,200 | 171,700 |
| times load and dump | 2.22 | 1.78 |

CPU seconds with 20,000 items, least of three, times those of load and dump in the same process; in the second column
items are short (143 bytes with their dHash), so that less of the time goes by the length of the text:

| | items of 390 bytes | items of 143 bytes |
| --- | ---: | ---: |
| one new item | 2.31 | 4.00 |
| dry run of one new item | 1.83 | 3.15 |
| verification against the backup | 1.19 | 1.73 |
| the service's SHA-256 and index after a restart | 0.77 | 1.39 |
"""
