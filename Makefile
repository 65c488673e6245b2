# SPDX-License-Identifier: GPL-3.0-or-later
# Short names for the commands of this project. The work is done by Ansible, pytest and molecule.
# On a fresh Debian, as root: `make demo` shows a cloud, `make test` proves it.

INVENTORY ?= inventories/dvr
AT_A_TIME ?= 2
PROTOCOL  ?= icmp

export PATH := $(CURDIR)/.venv/bin:$(PATH)
PLAYBOOK := ansible-playbook --inventory $(INVENTORY)

.DEFAULT_GOAL := help
.PHONY: help setup lint sanity unit integration molecule kernel bench lab-up converge check drift verify trace plan \
        teardown lab-down ee demo test clean

help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .cache/setup ## Install what is missing: tools into .venv, collections into .cache, Debian packages

.cache/setup: .venv/bin/ansible-playbook requirements.yml playbooks/setup.yml
	ansible-playbook --inventory localhost, playbooks/setup.yml
	touch $@

# Debian's python3 cannot make a virtual environment before python3-venv is there
.venv/bin/ansible-playbook: requirements.txt
	python3 -m venv .venv || { apt-get update && apt-get install --yes python3-venv && python3 -m venv .venv; }
	.venv/bin/pip install --quiet --requirement requirements.txt
	touch $@

lint: setup ## Check style: ruff, yamllint, ansible-lint
	ruff check .
	yamllint --strict .
	ansible-lint --offline

sanity: setup ## Run ansible-test sanity
	sh tests/sanity/run.sh

unit: setup ## Test what is pure: differences, plans, rendering
	python -m pytest --numprocesses auto --hypothesis-profile ci tests/unit

integration: setup ## Test the modules against a real kernel and Open vSwitch
	python -m pytest --numprocesses auto --hypothesis-profile ci tests/integration

molecule: setup ## Test the roles on throw-away hosts, AT_A_TIME scenarios side by side (SCENARIO=NAME for one)
	$(if $(SCENARIO),molecule test --scenario-name $(SCENARIO),sh tests/scenarios.sh $(AT_A_TIME))

kernel: setup ## Test the kernel's own datapath, in an emulated machine (some minutes)
	sh tests/kernel/vm.sh .cache/kernel "modprobe --all openvswitch br_netfilter nf_conntrack && python -m pytest -s tests/kernel"

bench: setup ## Measure against hand-written scripts and stock Ansible modules
	python -m tests.bench

lab-up: setup ## Start the hosts of INVENTORY on this machine
	$(PLAYBOOK) playbooks/lab_up.yml

converge: setup ## Bring the hosts of INVENTORY to what it declares
	$(PLAYBOOK) playbooks/site.yml

check: setup ## Show what converge would change
	$(PLAYBOOK) --check --diff playbooks/site.yml

drift: setup ## Find what has drifted, into reports ("Error 2": drift, "Error 4": a host could not be read)
	$(PLAYBOOK) playbooks/drift.yml --extra-vars drift_report_dir=reports

verify: setup ## Prove reachability from the model
	$(PLAYBOOK) playbooks/verify.yml

trace: setup ## Tell the path of a packet, confirmed by the hosts (SOURCE=NAME DESTINATION=NAME PROTOCOL=tcp PORT=22)
	$(PLAYBOOK) playbooks/trace.yml --extra-vars "source=$(SOURCE) destination=$(DESTINATION) live=true" \
	  --extra-vars "protocol=$(PROTOCOL) $(if $(PORT),destination_port=$(PORT))"

plan: setup ## Write and show the plan; touches no host
	$(PLAYBOOK) playbooks/plan.yml

ee: setup ## Build the execution environment for AWX and automation platforms (needs a container registry)
	ansible-galaxy collection build --force --output-path .cache
	ansible-builder build --context .cache/execution-environment --tag cloudnet-dataplane-ee

teardown: setup ## Remove everything we own from the hosts of INVENTORY
	$(PLAYBOOK) playbooks/teardown.yml

lab-down: setup ## Remove the hosts of INVENTORY from this machine
	$(PLAYBOOK) playbooks/lab_down.yml

demo: INVENTORY = inventories/dvr
demo: lab-up converge verify ## Show it: hosts, a cloud with distributed routing, the proof, three packets' ways
	$(PLAYBOOK) playbooks/trace.yml --extra-vars "source=demo-instance2 destination=internet live=true"
	$(PLAYBOOK) playbooks/trace.yml --extra-vars "source=outside destination=203.0.113.102 live=true"
	$(PLAYBOOK) playbooks/trace.yml --extra-vars "source=demo-instance2 destination=demo-instance3 live=true"

test: setup lint sanity unit integration molecule ## Install what is missing and run everything

clean: ## Forget what setup and the tests left in this directory
	rm -rf .venv .cache .ansible .ruff_cache .hypothesis reports tests/output
