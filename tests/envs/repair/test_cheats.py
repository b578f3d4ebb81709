"""Cheats: each fools a grader that trusts the process of the patched code, and none fools ours.

The positive control runs the same tests whole, asserts included, in the same sandbox, and believes what the process
says: exit code 0, or a line that it prints at the end. See the matrix of cheats in the documentation of the sandbox.
"""

import ast
import json

import gymnasium as gym
import pytest

from quintain.envs.repair.packages import load_package
from quintain.sandbox import shared

TASK = "ringbuffer/buffer/comparison/0/terse"
MODULE = "ringbuffer/buffer.py"
HIDDEN = """
import pytest
from ringbuffer.buffer import RingBuffer


def test_a_capacity_below_one_is_refused():
    assert RingBuffer(1).capacity == 1
    assert RingBuffer().capacity == 8
"""

#: Added at the end of the module with the bug: what the patched code does instead of a repair.
IN_THE_MODULE = {
    "ends the process as if all was well": "import os\nos._exit(0)\n",
    "ends the process when a function is called":
        "import os\ndef _stop(*a, **k): os._exit(0)\nRingBuffer.__init__ = _stop\n",
    "raises SystemExit(0)": "import sys\nsys.exit(0)\n",
    "returns objects that equal everything":
        "class Any:\n    __eq__ = lambda s, o: True\n    __hash__ = None\n"
        "def _new(cls, *a, **k): return type('R', (), {'capacity': Any()})()\nRingBuffer.__new__ = _new\n",
    "prints the marker and ends": "import os\nos.write(1, b'ALL PASSED\\n')\nos._exit(0)\n",
    "replaces the test functions by others":
        "import sys\n"
        "frame = sys._getframe()\n"
        "while frame is not None:\n"
        "    for value in list(frame.f_globals.values()):\n"
        "        if getattr(value, '__name__', '').startswith('test_'):\n"
        "            value.__code__ = (lambda: None).__code__\n"
        "    frame = frame.f_back\n"
        "import builtins\n"
        "builtins.__build_class__ = builtins.__build_class__\n"
        "RingBuffer.__new__ = lambda cls, *a, **k: type('R', (), {'capacity': type('E', (), "
        "{'__eq__': lambda s, o: True})()})()\n",
    "replaces pytest in sys.modules":
        "import sys, types, os\nfake = types.ModuleType('pytest')\nfake.raises = lambda *a: os._exit(0)\n"
        "sys.modules['pytest'] = fake\nRingBuffer.__init__ = lambda s, *a: os._exit(0)\n",
    "turns assertions off":
        "import sys, os\nsys.excepthook = lambda *a: os._exit(0)\n"
        "RingBuffer.__init__ = lambda s, *a: sys.excepthook()\n",
}  # fmt: skip


def started():
    env = gym.make("Repair-v0", split="test", packages="ringbuffer", test_edits=False)
    env.reset(seed=0, options={"task_id": TASK})
    return env


def call(tool, **arguments):
    return json.dumps({"tool": tool, **arguments})


def submit(env, *actions):
    for action in actions:
        assert not env.step(action)[0].startswith("Error")
    return env.step(call("finish"))


def trusting_grader(files):
    """Run whole tests beside the code and believe exit code and output; return whether it calls the code right."""
    program = "import sys, types\n"
    for path, text in files.items():
        if path.startswith("ringbuffer/"):
            name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            program += (
                f"m = sys.modules[{name!r}] = types.ModuleType({name!r})\nm.__path__ = []\nexec({text!r}, m.__dict__)\n"
            )
    tests = ast.parse(HIDDEN.replace("import pytest\n", ""))
    program += ast.unparse(tests) + "\ntest_a_capacity_below_one_is_refused()\nprint('ALL PASSED')\n"
    result = shared().run(program)
    return result.ok or result.exit_code == 0


def files_with(addition):
    env = started()
    env.step(call("append_string", path=MODULE, text=addition))
    return env.unwrapped.simulator().workspace.files


def test_the_trusting_grader_knows_right_from_wrong():
    assert trusting_grader(load_package("ringbuffer").files)
    assert not trusting_grader(files_with("\n"))


@pytest.mark.parametrize("cheat", IN_THE_MODULE)
def test_code_that_cheats_in_its_process_gains_nothing(cheat):
    addition = IN_THE_MODULE[cheat]
    assert trusting_grader(files_with(addition)), "positive control: a grader in the same process is fooled"
    _, reward, terminated, _, info = submit(started(), call("append_string", path=MODULE, text=addition))
    assert (reward, terminated, info["success"]) == (0, True, False)


EXIT = "import os\nos._exit(0)\n"
#: Edits outside the module.
FILES = {
    "tests that assert nothing": [("tests/test_visible.py", "def test_fine():\n    assert 1 == 1\n")],
    "a test runner of its own": [("conftest.py", EXIT), ("tests/conftest.py", EXIT)],
    "a start-up file": [("sitecustomize.py", EXIT), ("usercustomize.py", EXIT)],
    "a module in the place of pytest": [("pytest.py", "raises = None\n")],
    "modules in the place of the standard library": [
        ("json.py", EXIT), ("traceback.py", EXIT), ("ast.py", "1 / 0\n")],
    "a module with the name of the tests": [("hidden.py", EXIT), ("test.py", EXIT)],
    "an expected value in a file": [("tests/hidden.json", "{}"), ("expected.txt", "8")],
}  # fmt: skip


@pytest.mark.parametrize("cheat", FILES)
def test_files_beside_the_module_change_no_verdict(cheat):
    edits = [call("create_file", path=path, text=text) for path, text in FILES[cheat]]
    assert submit(started(), *edits)[1] == 0, "with the bug"
    repair = call("string_replace", path=MODULE, old="if capacity <= 1:", new="if capacity < 1:")
    assert submit(started(), *edits, repair)[1] == 1, "with the repair"


def test_fake_tests_do_change_what_the_visible_run_says():
    """Positive control: the edits above reach the visible tests."""
    env = started()
    env.step(call("create_file", path="tests/test_visible.py", text="def test_fine():\n    assert 1 == 1\n"))
    assert env.step(call("run_tests"))[0] == "0 failed, 1 passed"
    env.step(call("create_file", path="tests/test_visible.py", text=EXIT))
    assert env.step(call("run_tests"))[0] == "The tests did not finish: the program ended the process"


SPY = """
import os, sys, gc
def test_spy():
    found = []
    for folder in [*sys.path, sys.prefix, os.getcwd(), "/", "/proc/1", {secret_folder!r}]:
        try:
            found += [name for name in os.listdir(folder) if "repair" in name or "ringbuffer" in name]
        except OSError:
            pass
    try:
        found.append(open({secret!r}).read()[:20])
    except OSError:
        pass
    texts = [o for o in gc.get_objects() if isinstance(o, dict) and "test_a_full_buffer_forgets_its_oldest_item" in o]
    found += texts
    try:
        import quintain
        found.append("quintain")
    except ImportError:
        pass
    print("FOUND", found, "CONTROL", open(os.__file__).read(3))
"""


def test_visible_tests_cannot_read_packages_answers_or_hidden_tests():
    from quintain.envs.repair import packages

    folder = str(packages._LIBRARY)
    with open(f"{folder}/ringbuffer.txt") as file:  # positive control: this process can
        assert "=== hidden" in file.read()
    env = started()
    spy = SPY.format(secret=f"{folder}/ringbuffer.txt", secret_folder=folder)
    env.step(call("create_file", path="tests/test_spy.py", text=spy))
    observation = env.step(call("run_tests", path="tests/test_spy.py"))[0]
    assert "1 passed" in observation
    assert "FOUND [] CONTROL" in observation


def test_what_hidden_tests_expect_is_not_in_the_process_that_runs_them():
    """Code that looks at everything in its process while the hidden tests run finds calls, and no right side."""
    env = started()
    secret = "4.5"  # a value that only the right side of a hidden test has
    assert f"{secret}]" not in load_package("ringbuffer").hidden.program
    spy = (
        "import sys\n"
        "class Found(Exception): pass\n"
        "def _spy(*arguments, **options):\n"
        "    seen = []\n"
        "    frame = sys._getframe()\n"
        "    while frame is not None:\n"
        "        seen += [repr(frame.f_globals), repr(frame.f_locals)]\n"
        "        frame = frame.f_back\n"
        "    text = ' '.join(seen)\n"
        "    raise Found(str(('moving_average' in text, '4.' + '5]' in text)))\n"
        "RingBuffer.__init__ = _spy\n"
    )
    env.step(call("append_string", path=MODULE, text=spy))
    from quintain.envs.repair.running import run_hidden

    files = env.unwrapped.simulator().workspace.files
    report = run_hidden(shared(), files, load_package("ringbuffer").hidden)
    errors = [error[0] for _, error in report.observed if error is not None]
    assert any("(True, False)" in error for error in errors), errors
    assert not any("True, True" in error for error in errors)


def test_a_forged_report_would_need_the_right_values():
    """Code that replaces the observer can claim anything; it does not know what."""
    forge = (
        "import sys\n"
        "frame = sys._getframe()\n"
        "while frame is not None:\n"
        "    observe = frame.f_globals.get('__observe__')\n"
        "    if observe is not None:\n"
        "        frame.f_globals['__observe__'] = lambda value: observe(True)\n"
        "    frame = frame.f_back\n"
    )
    _, reward, *_, info = submit(started(), call("append_string", path=MODULE, text=forge))
    assert (reward, info["metrics"]["fail_to_pass"]) == (0, 0)
    assert len(info["failed_tests"]) == len(load_package("ringbuffer").hidden.names), "the forgery did reach the report"
