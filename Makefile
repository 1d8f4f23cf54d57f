# The demo, the tests and the lab. Each target includes its set-up; `make help` lists them.
LAB := tests/lab/lab
PYTEST := python3 -m pytest -p no:cacheprovider
.DEFAULT_GOAL := help
.PHONY: help demo test test-unit test-lab test-quality test-newest test-contract test-integration test-eda test-playbooks test-texts test-chaos test-scale test-accounting test-trixie test-site test-awx test-fresh bench lab-up lab-down

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1@\2/p' $(MAKEFILE_LIST) | column -t -s @

demo: ## a node of a real Slurm fails, and a playbook repairs it
	@tests/demo

test: ## every suite but texts, chaos, scale, accounting, trixie, site, awx and fresh, in less than 20 minutes
	@tests/run

test-unit: ## unit tests, without Slurm, on this machine's Python, with the oldest ansible-core
	@tests/run unit

test-lab: ## the lab's own tests
	@tests/run lab

test-quality: ## ruff, mypy, ansible-lint, ansible-test sanity, the build
	@tests/run quality

test-newest: ## unit tests with the newest ansible-core
	@tests/run newest

test-contract: ## the fake and the real controller behave alike
	@tests/run contract

test-integration: ## every module on the lab's controller
	@tests/run integration

test-eda: ## end to end, with the real ansible-rulebook
	@tests/run eda

test-playbooks: ## end to end, what reactions, the maintenance, AWX's jobs and the role of the listener do
	@tests/run playbooks

test-texts: ## odd texts in every field that a module writes or reads
	@tests/run texts

test-chaos: ## end to end, with failures of every part on the way of an event
	@tests/run chaos

test-scale: ## end to end, at full size: a storm of thousands of nodes, two controllers
	@tests/run scale

test-accounting: ## the contract tests in a lab with accounting storage
	@tests/run accounting

test-trixie: ## what needs no pyslurm, on the Slurm 24.11 of Debian trixie
	@tests/run trixie

test-site: ## from README.md's first step to removal, and accidents, on machines with systemd and SSH
	@tests/run site

test-awx: ## AWX's tests on a real AWX: make test-awx AWX=PATH, with the folders awx and django-ansible-base in PATH
	@AWX="$(AWX)" tests/run awx

test-fresh: ## from a Debian with Slurm and nothing else to a first task, by the roles
	@tests/run fresh

bench: ## costs of the modules with 10,000 nodes and 50,000 jobs, of the listener, of reactions, and of a maintenance
	@$(LAB) up && { $(LAB) exec -- sh -c 'for part in listener under_load reactions modules inventory maintenance; do python3 tests/bench/$$part.py || exit; done'; status=$$?; $(LAB) down; exit $$status; }

lab-up: ## start the lab
	@$(LAB) up

lab-down: ## stop the lab
	@$(LAB) down
