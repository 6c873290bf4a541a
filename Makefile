# `make` lists the targets. Each does its own set-up; nothing is installed outside this folder but Debian packages.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CONTROLLER := .cache/controller
TEST := .cache/test
# What checks the rules of extras/, and their Debian packages.
PROMETHEUS := promtool=prometheus amtool=prometheus-alertmanager
# Hosts over ssh: without root, what needs them is left out and says so.
SSHD := [ "$$(id -u)" -ne 0 ] || tests/faults/setup.sh sshd
# One line a step; all that Ansible prints with make deploy ARGS=-v.
PLAY := ANSIBLE_STDOUT_CALLBACK=mobius.dhash.steps ANSIBLE_DISPLAY_SKIPPED_HOSTS=false ANSIBLE_CALLBACK_RESULT_FORMAT=yaml \
  ANSIBLE_LOCALHOST_WARNING=false $(CONTROLLER)/bin/ansible-playbook
LOCAL := -i inventories/local

# make deploy mobius_service_port=5009 ARGS="-v": variables of the collection, and any other argument of ansible-playbook.
QUOTED = '$(subst ','\'',$(1))'
GIVEN := $(foreach name,$(filter mobius_%,$(.VARIABLES)),$(if $(filter command,$(origin $(name))),-e $(call QUOTED,$(name)=$($(name))))) $(ARGS)
# A name that nothing reads, such as port=5009, would do nothing without a word.
GIVEN_NAMES := $(filter-out mobius_% -*-command-variables-*- MAKE%,$(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name))))
READ := PYTHON $(if $(GIVEN_NAMES),$(shell tr -cs A-Z_ '\n' <$(firstword $(MAKEFILE_LIST)) | sort -u))
UNREAD := $(filter-out $(READ),$(GIVEN_NAMES))
$(if $(strip $(UNREAD)),$(error Nothing reads $(strip $(UNREAD)). Variables of the collection begin with mobius_, as in mobius_service_port=5009; other arguments of ansible-playbook go into ARGS))
HOME_FOLDER := $(abspath $(or $(mobius_home),.local))
SERVICE := $(or $(mobius_service_dir),$(HOME_FOLDER)/service)/app/config.json

export PYTHONDONTWRITEBYTECODE := 1
# With it, Python reads a module that Ansible sends it byte by byte, each with a system call.
unexport PYTHONUNBUFFERED

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 22

.PHONY: controller
controller: ## the tested ansible-core, in .cache/controller
	@requirements/venv.sh $(CONTROLLER) requirements/controller.txt

.PHONY: tools
tools: ## the tools of the tests, in .cache/test
	@requirements/venv.sh $(TEST) requirements/test.txt

.PHONY: deploy
deploy: controller ## a real deployment on this machine, of a sample library in .local
	@$(PLAY) $(LOCAL) playbooks/sample.yml $(GIVEN)
	@$(PLAY) $(LOCAL) playbooks/deploy.yml $(GIVEN)
	@$(PLAY) $(LOCAL) playbooks/review_export.yml $(GIVEN)
	@[ ! -f '$(SERVICE)' ] || $(CONTROLLER)/bin/python -c 'import json, sys; given = json.load(open(sys.argv[1])); \
	  url = "curl -f http://%s:%d" % ({"0.0.0.0": "localhost", "127.0.0.1": "localhost"}.get(given["host"], given["host"]), given["port"]); \
	  print(f"health       {url}/health\nmetrics      {url}/metrics/dhash")' '$(SERVICE)'
	@[ ! -f '$(HOME_FOLDER)/review.html' ] || echo 'review page  file://$(HOME_FOLDER)/review.html'
	@printf '%s\n' "roll back    make rollback" "stop, remove make clean"

.PHONY: rollback
rollback: controller ## the old bytes back
	@$(PLAY) $(LOCAL) playbooks/rollback.yml $(GIVEN)

.PHONY: clean
clean: controller ## stop the service, remove .local
	@if [ -d .local ]; then $(PLAY) $(LOCAL) playbooks/service.yml -e mobius_service_state=stopped $(GIVEN); fi
	@rm -rf .local

.PHONY: pages
pages: ## the HTML, CSS and JavaScript of pages/ as Python modules, which Ansible can send to a host
	@python3 pages/build.py

.PHONY: reference
reference: tools ## the READMEs of the roles and docs/variables.md, from the argument specifications
	@$(TEST)/bin/python -B tools/reference.py

.PHONY: test
test: tools ## lint, unit, integration, faults-quick and molecule
	@# Debian packages first: apt-get works for one part at a time.
	@tests/programs.sh $(PROMETHEUS)
	@$(SSHD)
	@! molecule/shared/hosts.sh check >/dev/null || molecule/shared/hosts.sh setup
	@tests/parts.sh integration molecule lint unit faults-quick

.PHONY: lint
lint: tools ## ansible-lint, yamllint, ruff, mypy
	@PATH=$(CURDIR)/$(TEST)/bin:$$PATH tests/lint.sh

.PHONY: unit
unit: tools ## the plain Python, without Ansible
	@tests/programs.sh $(PROMETHEUS)
	@PATH=$(CURDIR)/.cache/programs/usr/bin:$$PATH $(TEST)/bin/pytest -n 2 tests/unit tests/repository

.PHONY: integration
integration: tools ## the playbooks on this machine: deploy, check mode, rollback, failures
	@$(SSHD)
	@$(TEST)/bin/pytest -n 3 --dist loadgroup tests/integration

.PHONY: settings
settings: tools ## each setting of ansible.cfg that could change how a run ends, in a run of its own
	@SETTINGS=1 $(TEST)/bin/pytest -n 2 tests/integration/test_settings.py

.PHONY: awx
awx: tools ## awx_configure.yml with awx.awx 24.6.1 on a server that answers as AWX does and refuses what AWX would
	@$(TEST)/bin/pytest -q tests/awx

.PHONY: browser
browser: ## the review page, the page of duplicates and the reports in a real Chromium, axe on each
	@command -v chromedriver >/dev/null || { echo "Chromium and its driver are missing. Next: apt-get install chromium chromium-driver nodejs npm" >&2; exit 1; }
	@requirements/venv.sh .cache/browser requirements/browser.txt
	@mkdir -p .cache/axe && cp tests/browser/package.json tests/browser/package-lock.json .cache/axe/
	@[ -f .cache/axe/node_modules/axe-core/axe.min.js ] || npm ci --prefix .cache/axe --no-audit --no-fund --silent
	@.cache/browser/bin/pytest -q tests/browser

.PHONY: observe
observe: ## from bad metrics to the rollback, with real Prometheus, Alertmanager and Event-Driven Ansible; OBSERVE="--scale 1"
	@tests/programs.sh prometheus=prometheus prometheus-alertmanager=prometheus-alertmanager \
	  prometheus-node-exporter=prometheus-node-exporter
	@tests/observe/java.sh
	@requirements/venv.sh .cache/observe/venv requirements/observe.txt
	@PATH=$(CURDIR)/.cache/programs/usr/bin:$$PATH .cache/observe/venv/bin/python -B tests/observe/run.py $(OBSERVE)

.PHONY: molecule
molecule: tools ## two real hosts with systemd and sshd
	@PATH=$(CURDIR)/$(TEST)/bin:$$PATH molecule/run.sh

.PHONY: molecule-fleet
molecule-fleet: tools ## five real hosts: metrics turn bad, a host fails, a host dies; CORES="2.16 2.21" on other ansible-cores
	@PATH=$(CURDIR)/$(TEST)/bin:$$PATH MOBIUS_FLEET_CORES='$(CORES)' molecule/run.sh fleet

.PHONY: molecule-roles
molecule-roles: tools ## every role by itself on Debian 11, 12 and 13: as a user, as root, as the account
	@PATH=$(CURDIR)/$(TEST)/bin:$$PATH molecule/run.sh roles

.PHONY: faults
faults: tools ## every fault on every writing path and on the playbooks; as root; RESUME=1 goes on; writes docs/reliability.md
	@tests/faults/setup.sh sshd
	@$(TEST)/bin/python -B tests/faults/run.py --document docs/reliability.md $(if $(RESUME),--resume)

.PHONY: faults-quick
faults-quick: tools ## every kill, and a sample of all other faults, in 2 minutes
	@tests/faults/setup.sh
	@$(TEST)/bin/pytest -rs tests/faults

.PHONY: fuzz
fuzz: tools ## 30,000 mutated pictures through the engine
	@$(TEST)/bin/python -B tests/faults/fuzz.py

.PHONY: mutations
mutations: tools ## 100,000 random edits of migrated libraries: the proof accepts none
	@MUTATIONS=100000 $(TEST)/bin/pytest -n 2 tests/unit/plugins/module_utils/migration/test_mutations.py

.PHONY: properties
properties: tools ## 1,000 generated libraries and pictures for each property, and the JSON corpus, with their counts
	@EXAMPLES=1000 $(TEST)/bin/pytest -n 2 --hypothesis-show-statistics tests/unit/plugins/module_utils/migration/test_properties.py \
	  tests/unit/plugins/module_utils/migration/test_json_corpus.py tests/unit/plugins/module_utils/migration/test_strip.py tests/unit/plugins/module_utils/library/test_edit.py \
	  tests/unit/plugins/module_utils/library/test_value_parser.py tests/unit/plugins/module_utils/dhash/test_png.py

BENCH_ENV := .cache/bench/venv

.PHONY: bench
bench: controller ## speed and memory beside peers, in 20 minutes; writes docs/performance.md (BENCH, BENCH_PICTURES, BENCH_LIMIT)
	@$(SSHD)
	@PIP_NO_DEPS=1 requirements/venv.sh $(BENCH_ENV) requirements/bench.txt
	@$(BENCH_ENV)/bin/python -m pip install -q --no-deps --require-hashes -r requirements/bench-source.txt || true
	@$(BENCH_ENV)/bin/python -B tests/bench/run.py $(if $(BENCH),--only $(BENCH)) \
	  $(if $(BENCH_PICTURES),--pictures $(BENCH_PICTURES)) $(if $(BENCH_LIMIT),--limit $(BENCH_LIMIT))

.PHONY: sanity
sanity: tools ## ansible-test sanity
	@PATH=$(CURDIR)/$(TEST)/bin:$$PATH tests/sanity/run.sh

.PHONY: ansible-units
ansible-units: tools ## ansible-test units: the unit tests of the plugins as ansible-test runs them
	@PATH=$(CURDIR)/$(TEST)/bin:$$PATH tests/ansible_test.sh units $(ARGS)

.PHONY: ansible-integration
ansible-integration: tools ## ansible-test integration: the life of every public module, on loopback
	@PATH=$(CURDIR)/$(TEST)/bin:$$PATH tests/ansible_test.sh integration $(ARGS)

.PHONY: matrix
matrix: tools ## every ansible-core from 2.16 to 2.21, the oldest and the newest Python of a host; writes docs/compatibility.md
	@$(TEST)/bin/python -B tests/matrix/run.py --document docs/compatibility.md $(MATRIX)

.PHONY: coverage
coverage: ## lines of storage, backups and the run that the unit tests reach: 95 % of each package, or it fails
	@requirements/venv.sh .cache/coverage requirements/coverage.txt
	@.cache/coverage/bin/pytest -q -n 2 -p no:cacheprovider --cov-config=tests/coverage.ini \
	  --cov=plugins/module_utils/storage --cov=plugins/module_utils/backups --cov=plugins/plugin_utils/run \
	  --cov-report=term-missing:skip-covered tests/unit
	@for package in module_utils/storage module_utils/backups plugin_utils/run; do echo "$$package" && \
	  .cache/coverage/bin/coverage report --rcfile=tests/coverage.ini --format=total --include="plugins/$$package/*" || exit; \
	done

.PHONY: publish-checks
publish-checks: controller ## what Galaxy checks, licences, release notes, and the pipelines against their schemas
	@requirements/venv.sh .cache/publish requirements/publish.txt
	@PATH=$(CURDIR)/.cache/publish/bin:$$PATH tools/publish_checks.sh

.PHONY: changelog
changelog: ## changelogs/fragments into the release notes of galaxy.yml's version
	@requirements/venv.sh .cache/publish requirements/publish.txt
	@ANSIBLE_COLLECTIONS_PATH=$(CURDIR)/playbooks/collections PATH=$(CURDIR)/.cache/publish/bin:$$PATH \
	  antsibull-changelog release --update-existing --reload-plugins --version "$$(sed -n 's/^version: //p' galaxy.yml)"

.PHONY: picture
picture: tools controller ## the picture in README.md, from a real `make deploy` on an idle machine
	@[ ! -e .local ] || { echo "A deployment is in .local. Next: make clean, which removes it" >&2; exit 1; }
	@$(TEST)/bin/python tools/terminal_picture.py docs/images/deploy.svg
	@$(MAKE) -s clean

.PHONY: docs
docs: ## the documentation as a site, in docs/site/build/html
	@requirements/venv.sh .cache/docs requirements/docs.txt
	@PATH=$(CURDIR)/.cache/docs/bin:$$PATH docs/site/build.sh

.PHONY: release-check
release-check: controller ## the archive for Galaxy: its files, and a deployment from an installation of it
	@tools/release.sh check

.PHONY: release
release: controller ## the same for a release, whose notes are written: dist/mobius-dhash-VERSION.tar.gz
	@tools/release.sh build
