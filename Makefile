# The main job and the tests. Each target does all it needs, set-up included; `make help` lists them.
LAB := tests/lab/lab
PYTEST := python3 -m pytest -p no:cacheprovider
.DEFAULT_GOAL := help
.PHONY: help demo test test-unit test-lab test-quality test-contract test-integration test-eda test-chaos bench lab-up lab-down

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1@\2/p' $(MAKEFILE_LIST) | column -t -s @

demo: ## a node of a real Slurm fails, and a playbook answers
	@tests/demo

test: ## every test
	@tests/run

test-unit: ## unit tests alone, without Slurm, on this machine's Python
	@tests/run unit

test-lab: ## the lab's own tests
	@tests/run lab

test-quality: ## ruff, mypy, ansible-lint, ansible-test sanity, the build
	@tests/run quality

test-contract: ## the fake and the real controller behave alike
	@tests/run contract

test-integration: ## every module on the lab's controller
	@tests/run integration

test-eda: ## end to end, with the real ansible-rulebook
	@tests/run eda

test-chaos: ## end to end, with all that can break on the way broken
	@tests/run chaos

bench: ## what the modules cost with 10,000 nodes and 50,000 jobs, and what the listener bears
	@$(LAB) up && { $(LAB) exec -- sh -c 'python3 tests/bench/listener.py && python3 tests/bench/modules.py'; status=$$?; $(LAB) down; exit $$status; }

lab-up: ## start the lab
	@$(LAB) up

lab-down: ## stop the lab
	@$(LAB) down
