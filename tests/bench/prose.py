"""The sentences of docs/performance.md."""

HEAD = """
# Performance

What the engine, a migration, a backup and a deployment take, side by side with what else does the same, in one run on
one machine. This page, its plots and every figure in it are written by `make bench`:

```
make bench
make bench BENCH=engine,items
make bench BENCH_PICTURES=/srv/mobius/images
make bench BENCH_LIMIT=20
```

The first measures everything but `fleet`, which takes 15 minutes of its own: `make bench BENCH=fleet`. The second
measures some sections (`engine`, `items`, `backup`, `deploy`, `fleet`) and keeps the figures of the others. The third
takes pictures of your own, each folder in it as one corpus. The last tries the bench on few pictures, and writes
below `.cache/bench/trial` instead of here.

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
  (simplejpeg and libdeflate), **fast** is `mode: fast` with that. Limits on time and memory of each picture, the
  confidence and its reasons are included; the others have none of these. In a migration the engine imports NumPy and
  the decoders by itself when the pictures have taken half a second, which takes less than 0.1 s once; here they are
  imported before, as for the others.
- **imagededup**: `DHash().encode_images`, without its neural network and PyTorch, which its hashes do not use.
- **perception**: `DHash().compute` over a pool of processes, OpenCV with one thread in each. Its bits are turned over
  before they are compared, as it says 1 where ImageHash says 0.
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
