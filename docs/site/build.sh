#!/usr/bin/env bash
# docs/site/build.sh: the site of docs/, of the roles and of the plugins, in docs/site/build/html; a warning is an error.
set -euo pipefail
cd "$(dirname "$0")/../.."
site=docs/site build=docs/site/build
source=$build/source
export ANSIBLE_COLLECTIONS_PATH=$PWD/playbooks/collections ANSIBLE_HOME=$PWD/.cache/ansible

rm -rf "$source" && mkdir -p "$source/roles"
cp "$site/index.md" "$site/ansible.rst" docs/*.md "$source/"
cp -r docs/images docs/pipelines docs/*.json "$source/"
cp CHANGELOG.md "$source/changelog.md"
cp CONTRIBUTING.md "$source/contributing.md"
{
    printf '%s\n' "# Roles" "" '```{toctree}' ":maxdepth: 1" ""
    for readme in roles/*/README.md; do
        role=$(basename "$(dirname "$readme")")
        cp "$readme" "$source/roles/$role.md"
        echo "roles/$role"
    done
    echo '```'
} >"$source/roles.md"
# Links between files of the repository become links between pages.
sed -i -E -e 's|\]\((\.\./)*roles/([a-z_]+)/README\.md|](roles/\2.md|g' "$source"/*.md
sed -i -E -e 's|\]\((\.\./)+docs/|](../|g' -e 's|\]\((\.\./)+roles/([a-z_]+)/README\.md|](\2.md|g' "$source"/roles/*.md
sed -i -E -e 's|\]\(docs/|](|g' "$source/contributing.md"

# antsibull-docs writes only into a folder that nobody else can.
(umask 077 && mkdir -p "$source/collections/mobius/dhash")
antsibull-docs collection --use-current --squash-hierarchy --no-indexes --dest-dir "$source/collections/mobius/dhash" mobius.dhash
# Furo has its own table of contents, and puts an error in place of another.
sed -i '/^\.\. contents::$/,/^$/d' "$source"/collections/mobius/dhash/*.rst
# Short names beside the pages: dhash_migrate, not mobius.dhash.dhash_migrate module and what it does.
sed -i -E -e 's/^Mobius\.Dhash$/mobius.dhash/' -e 's/^    (\w+)_(module|callback|filter|lookup|role)$/    \1 <\1_\2>/' \
    "$source/collections/mobius/dhash/index.rst"
sphinx-build -q -W --keep-going -j 2 -b html -c "$site" "$source" "$build/html"
echo "built $build/html/index.html"
