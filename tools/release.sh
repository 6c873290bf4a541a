#!/usr/bin/env bash
# tools/release.sh [check|build]: the archive for Galaxy, made from what is committed, and proof that it works alone.
#   check    build it in a temporary folder, check its files, and run it from an installation of its own (the default)
#   build    the same for a release, whose notes are written, and keep dist/mobius-dhash-VERSION.tar.gz
# Next after a build: git tag VERSION, then ansible-galaxy collection publish dist/mobius-dhash-VERSION.tar.gz
set -euo pipefail
cd "$(dirname "$0")/.."
# What archives hold at their top: everything else stays in the repository.
allowed=" FILES.json MANIFEST.json CHANGELOG.md CODE_OF_CONDUCT.md CONTRIBUTING.md LICENSE LICENSES README.md REUSE.toml \
SECURITY.md changelogs docs execution-environment.yml extras meta playbooks plugins roles "
version=$(sed -n 's/^version: //p' galaxy.yml)
bin=$PWD/.cache/controller/bin

fail() {
    printf '%s\n' "Release check failed: $1." "Next: $2." >&2
    exit 1
}

versions() {
    grep -q "^VERSION = \"$version\"" plugins/module_utils/version.py ||
        fail "module_utils/version.py does not have galaxy.yml's version $version" "set VERSION there"
    grep -q "^  $version:" changelogs/changelog.yaml ||
        fail "changelogs/changelog.yaml has no release $version" "make changelog"
}

# Between two releases they wait in changelogs/fragments.
notes() {
    local -a fragments=()
    shopt -s nullglob
    fragments=(changelogs/fragments/*.y*ml)
    shopt -u nullglob
    [ ${#fragments[@]} -eq 0 ] || fail "fragments are not in the changelog: ${fragments[*]}" "make changelog"
}

# From a copy of what is committed, so that nothing else gets into the archive.
build() {
    local to=$1 copy=$2
    mkdir -p "$copy" "$to"
    git archive HEAD | tar -xf - -C "$copy"
    "$bin/ansible-galaxy" collection build --force --output-path "$to" "$copy" >/dev/null
    echo "built $to/mobius-dhash-$version.tar.gz"
}

files() {
    local archive=$1 name top listed
    listed=$(tar -tzf "$archive" | sed 's|^\./||' | grep -v '/$')
    while IFS= read -r name; do
        top=${name%%/*}
        [[ $allowed == *" $top "* ]] || fail "the archive holds $name" "add $top to build_ignore in galaxy.yml"
        case $name in
            */.* | *.pyc | *__pycache__* | playbooks/collections*) fail "the archive holds $name" "remove it, or add it to build_ignore" ;;
        esac
    done <<<"$listed"
    for name in README.md LICENSE meta/runtime.yml playbooks/deploy.yml plugins/modules/dhash_migrate.py roles/deploy/README.md; do
        grep -qxF "$name" <<<"$listed" || fail "the archive lacks $name" "see build_ignore in galaxy.yml"
    done
    echo "the archive holds $(wc -l <<<"$listed") files, all of them expected"
}

# A user's machine: the archive's meta, plugins, roles and playbooks, and nothing of this checkout.
installed() {
    local archive=$1 work=$2 part
    # The path too, or a copy that the user has installed would count as this one.
    ANSIBLE_COLLECTIONS_PATH=$work/galaxy "$bin/ansible-galaxy" collection install --offline --no-deps -p "$work/galaxy" "$archive" >/dev/null
    mkdir -p "$work/bare/ansible_collections/mobius/dhash"
    for part in meta plugins roles playbooks; do
        cp -r "$work/galaxy/ansible_collections/mobius/dhash/$part" "$work/bare/ansible_collections/mobius/dhash/"
    done
    echo "a deployment and a rollback from it alone:"
    (cd "$work" && "$bin/python" -B "$OLDPWD/tests/matrix/deployment.py" "$bin/ansible-playbook" "$work/bare") ||
        fail "the collection does not work from an installation" "see the output above"
}

mode=${1:-check}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
archive=$work/mobius-dhash-$version.tar.gz
case $mode in
    check | build)
        versions
        [ "$mode" = check ] || notes
        build "$work" "$work/copy"
        files "$archive"
        installed "$archive" "$work"
        [ "$mode" = check ] || install -D -m 0644 -t dist "$archive"
        ;;
    build-in)
        versions
        build "$2" "$2/copy"
        files "$2/mobius-dhash-$version.tar.gz"
        ;;
    *) sed -n 's/^#   //p' "$0" >&2 && exit 2 ;;
esac
