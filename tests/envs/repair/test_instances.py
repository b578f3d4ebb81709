"""The stored instances are what the sandbox says they are, in a sample; splits share no package."""

import numpy as np
import pytest

from quintain.envs.repair.instances import TEST_PACKAGES, checksum, instances
from quintain.envs.repair.issues import STYLES, issue
from quintain.envs.repair.packages import load_package, package_names
from quintain.envs.repair.running import run_hidden, run_visible
from quintain.sandbox import shared

EVERY = (*instances("train"), *instances("test"))
SAMPLE = [EVERY[k] for k in np.random.default_rng(7).choice(len(EVERY), 24, replace=False)]


def test_no_package_is_in_both_splits():
    train, test = ({instance.package for instance in instances(split)} for split in ("train", "test"))
    assert not train & test
    assert test == TEST_PACKAGES
    assert train | test == set(package_names())


def test_every_id_is_used_once_and_every_instance_has_a_mutation():
    assert len({instance.id for instance in EVERY}) == len(EVERY)
    mutants = {(instance.package, instance.path, instance.files()[instance.path]) for instance in EVERY}
    assert len(mutants) == len(EVERY), "no bug is listed twice"


@pytest.mark.parametrize("name", package_names())
def test_the_original_package_passes_all_its_tests(name):
    package = load_package(name)
    assert run_visible(shared(), package.files).ok
    assert run_hidden(shared(), package.files, package.hidden).failures == (None,) * len(package.hidden.tests)


@pytest.mark.parametrize("instance", SAMPLE, ids=lambda instance: instance.id)
def test_a_stored_instance_fails_exactly_the_stored_tests(instance):
    files, hidden = instance.files(), load_package(instance.package).hidden
    report = run_hidden(shared(), files, hidden)
    assert not report.problem
    failed = [name for name, failure in zip(hidden.names, report.failures, strict=True) if failure is not None]
    assert tuple(failed) == instance.fail_to_pass
    assert report.failures[hidden.names.index(instance.symptom.test)] == instance.symptom.check
    assert len(run_visible(shared(), files).failed) == instance.visible_failures


def test_the_stored_list_is_that_of_the_present_packages():
    import json

    from quintain.envs.repair import packages

    for name in package_names():
        stored = json.loads((packages._LIBRARY / f"{name}.json").read_text())["checksum"]
        assert stored == checksum(name), f"run scripts/repair_instances.py {name}"


@pytest.mark.parametrize("style", STYLES)
def test_an_issue_tells_the_symptom_and_not_the_patch(style):
    for instance in SAMPLE:
        text = issue(instance, style)
        mutation = instance.mutation
        assert instance.package in text
        assert (instance.symptom.observed or instance.symptom.error) in text or instance.symptom.observed == "None"
        if len(mutation.old) > 12:
            assert mutation.old.strip() not in text
        assert instance.operator not in text
    assert len({issue(SAMPLE[0], each) for each in STYLES}) == len(STYLES)
