#!/usr/bin/env bash
# tools/publish_checks.sh: what a publisher checks, and Galaxy after an upload. Every check runs, then the first failure counts.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
export ANSIBLE_COLLECTIONS_PATH=$PWD/playbooks/collections ANSIBLE_HOME=$PWD/.cache/ansible
status=0
run() {
    echo "$1"
    "${@:2}" || status=1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# shellcheck disable=SC2329 # called by run
importer() {
    tools/release.sh build-in "$work" || return
    (cd "$work" && python -m galaxy_importer.main ./*.tar.gz) >"$work/importer.log" 2>&1 ||
        { tail -n 40 "$work/importer.log" && return 1; }
    ! grep -E "ERROR|WARNING" "$work/importer.log"
}

mapfile -t pages < <(git ls-files '*.md')
mapfile -t texts < <(git ls-files ':!playbooks/collections' ':!*.svg' ':!*.json' ':!requirements/*.txt' ':!roles/runtime/files/*.txt')

run "reuse" reuse lint --quiet
run "codespell" codespell "${texts[@]}"
run "rumdl" rumdl check --quiet --no-cache "${pages[@]}"
run "antsibull-docs" antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs all .
run "antsibull-changelog" antsibull-changelog lint
run "GitHub workflows" check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml docs/pipelines/github.yml
run "zizmor" zizmor --quiet --offline .github docs/pipelines/github.yml
run "GitHub issue forms" check-jsonschema --builtin-schema vendor.github-issue-forms \
    .github/ISSUE_TEMPLATE/bug_report.yml .github/ISSUE_TEMPLATE/feature_request.yml
run "GitHub issue settings" check-jsonschema --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
run "Dependabot" check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
run "GitLab CI" check-jsonschema --builtin-schema vendor.gitlab-ci --data-transform gitlab-ci .gitlab-ci.yml docs/pipelines/gitlab.yml
run "galaxy-importer" importer
exit $status
