"""SWE-bench instances: the loader, and the verdict with a container engine that runs the program in a local folder."""

import json
import subprocess
import sys

import pytest

from quintain.envs.repair.swe_bench import ContainerJudge, SWEBenchInstance, load_swe_bench
from quintain.errors import ConfigurationError, SandboxError

TEST_PATCH = """\
--- a/test_add.py
+++ b/test_add.py
@@ -1,2 +1,8 @@
 def test_old():
     assert True
+
+
+def test_new():
+    from add import add
+
+    assert add(2, 3) == 5
"""
GOLD = "--- a/add.py\n+++ b/add.py\n@@ -1,2 +1,2 @@\n def add(a, b):\n-    return a - b\n+    return a + b\n"
CHEAT = """\
--- a/test_add.py
+++ b/test_add.py
@@ -1,2 +1,5 @@
 def test_old():
     assert True
+
+def test_new():
+    pass
"""


def row(commit="HEAD", **changes):
    found = {
        "instance_id": "own__add-1", "repo": "own/add", "base_commit": commit, "problem_statement": "add subtracts",
        "patch": GOLD, "test_patch": TEST_PATCH, "FAIL_TO_PASS": '["test_add.py::test_new"]',
        "PASS_TO_PASS": ["test_add.py::test_old"],
    }  # fmt: skip
    return found | changes


def test_instances_are_read_from_json_lines_and_lists(tmp_path):
    lines, listed = tmp_path / "a.jsonl", tmp_path / "a.json"
    lines.write_text(json.dumps(row()) + "\n" + json.dumps(row(instance_id="b")) + "\n")
    listed.write_text(json.dumps([row()]))
    first, second = load_swe_bench(lines)
    assert (first.fail_to_pass, first.pass_to_pass) == (("test_add.py::test_new",), ("test_add.py::test_old",))
    assert second.instance_id == "b"
    assert load_swe_bench(listed) == [first]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"base_commit": None}, "row 2 of .*: base_commit must be text"),
        ({"FAIL_TO_PASS": "test_x"}, "row 2 of .*: FAIL_TO_PASS is no JSON list"),
        ({"PASS_TO_PASS": [1]}, "row 2 of .*: PASS_TO_PASS must be a list of names"),
    ],
)
def test_a_row_that_is_no_instance_is_named(tmp_path, changes, why):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(row()) + "\n" + json.dumps(row(**changes)) + "\n")
    with pytest.raises(ConfigurationError, match=why):
        load_swe_bench(path)


@pytest.fixture
def judge(tmp_path):
    """Return a judge whose engine is a script, and an instance of a repository with one bug."""
    repository = tmp_path / "testbed"
    repository.mkdir()
    (repository / "add.py").write_text("def add(a, b):\n    return a - b\n")
    (repository / "test_add.py").write_text("def test_old():\n    assert True\n")
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@x", "-C", str(repository)]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "base"]):
        subprocess.run([*git, *command], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    engine = tmp_path / "engine"
    # Containers are fresh; this folder is not, and two patches of one second and one size would share a .pyc file.
    engine.write_text("#!/bin/bash\nexport PYTHONDONTWRITEBYTECODE=1\nexec bash -s\n")
    engine.chmod(0o755)
    command = f"{sys.executable} -m pytest -rA -q -p no:cacheprovider"
    return (
        ContainerJudge("image", str(repository), str(engine), command, timeout_s=120),
        SWEBenchInstance.from_row(row(commit)),
    )


def test_the_gold_patch_resolves_and_nothing_else_does(judge):
    container, instance = judge
    verdict = container.judge(instance, instance.patch)
    assert verdict.resolved, verdict.log
    assert container.judge(instance, "").detail == "the patch is empty"
    cheat = container.judge(instance, CHEAT)
    assert (cheat.resolved, cheat.failed) == (False, ("test_add.py::test_new",)), "its own tests were put back"
    wrong = container.judge(instance, "--- a/none.py\n+++ b/none.py\n@@ -1 +1 @@\n-a\n+b\n")
    assert (wrong.resolved, wrong.detail) == (False, "the patch does not apply")


def test_a_container_that_cannot_be_prepared_is_no_verdict(judge):
    container, instance = judge
    lost = SWEBenchInstance.from_row(row("0" * 40))
    with pytest.raises(SandboxError, match="could not be prepared"):
        container.judge(lost, instance.patch)


def test_the_container_has_no_network_and_limits():
    command = ContainerJudge("image:1", engine="/usr/bin/docker").command()
    assert command[:4] == ["/usr/bin/docker", "run", "--rm", "-i"]
    assert command[4:6] == ["--network", "none"]
    assert command[-3:] == ["image:1", "bash", "-s"]
