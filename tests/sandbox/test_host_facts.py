"""Output of snippets does not depend on the location of Python or on the machine."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import pytest

import quintain
from quintain.records import read_episodes
from quintain.sandbox import Sandbox
from quintain.sandbox.host_facts import host_facts_hidden

PROGRAMS = (
    "print('a'",
    "if 1:\nprint(1)",
    "import json\njson.loads('x')",
    "import numpy as np\nnp.linalg.inv(np.zeros((2, 2)))",
    "from json import nothing",
    "from numpy import nothing",
    "import json, numpy, sys\nprint(json, numpy.__file__, sys.prefix, sys.exec_prefix, sys.executable, sys.path)",
    "import sys\nprint(sys.version, sys.version_info)",
    "import platform\nprint(platform.python_version(), platform.python_build(), platform.python_compiler())",
    "import json, traceback\ntry: json.loads('x')\nexcept ValueError: traceback.print_exc()",
    "import inspect, json\ninspect.getsourcefile(json.loads)",
    "import warnings, numpy as np\nwarnings.warn('careful')\nnp.array([1.0]) / 0",
    "import json, threading\nthreading.Thread(target=json.loads, args=('x',)).start()",
    "import os\nos.listdir('/no/such/place')",
    "import os\nos.path.relpath(os.getcwd(), '/box')" if sys.platform == "linux" else "1",
)

PLAYER = """
import json, sys, quintain
from quintain.engines import ScriptedEngine
from quintain.engines.engine import Reply

programs, kwargs = json.loads(sys.argv[1]), json.loads(sys.argv[2])

def serve(request):
    turn = sum(message["role"] == "assistant" for message in request.messages)
    return Reply(f"```python\\n{programs[turn]}\\n```" if turn < len(programs) else "<<<the end>>>")

agent = {"name": "code-interpreter", "engine": ScriptedEngine(serve)}
quintain.evaluate("CodeReason-v0", agent, episodes=1, seed=0, env_kwargs=kwargs, out=sys.argv[3], progress=False)
print(sys.prefix)
"""


def test_a_run_recorded_in_another_installation_is_replayed(tmp_path: Path) -> None:
    """The interpreter is copied to another prefix, with the same library below it and packages at another place."""
    base = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    library, packages = Path(sysconfig.get_path("stdlib")), Path(sysconfig.get_path("purelib"))
    prefix = tmp_path / "home of alice" / "python"
    (prefix / "bin").mkdir(parents=True)
    (prefix / "lib").mkdir()
    copy = shutil.copy(base, prefix / "bin" / base.name)
    (prefix / "lib" / library.name).symlink_to(library)
    (prefix / "packages").symlink_to(packages)
    project, run = Path(quintain.__file__).parents[1], tmp_path / "run"
    kwargs = {"tasks": "letters", "max_turns": 99, "max_code_calls": 99}
    command = [copy, "-c", PLAYER, json.dumps(PROGRAMS), json.dumps(kwargs), str(run)]
    environment = {**os.environ, "PYTHONPATH": f"{project}{os.pathsep}{prefix / 'packages'}"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=100)
    assert done.stdout.strip() == str(prefix) != sys.base_prefix, done.stderr

    agent = {"name": "code-interpreter", "engine": f"replay:{run}"}
    replayed = quintain.evaluate("CodeReason-v0", agent, episodes=1, seed=0, env_kwargs=kwargs, progress=False)
    (recorded,) = read_episodes(run)
    assert replayed.episodes[0].error is None
    assert replayed.episodes[0].steps == recorded.steps
    assert len(recorded.steps) == len(PROGRAMS) + 1
    text = "\n".join(step["observation"] for step in recorded.steps)
    for fact in (sys.base_prefix, str(packages), str(project), "alice", sys.version, sys.version.split()[0]):
        assert fact not in text
    assert "<python>/lib/json/__init__.py" in text
    assert "<packages>/numpy/__init__.py" in text


def test_host_paths_are_hidden_in_every_source_of_observations(box: Sandbox) -> None:
    code = "import json, sys\nprint(json.__file__)\nprint(json.__file__, file=sys.stderr)\njson.__file__"
    result = box.run(code)
    shown = "<python>/lib/json/__init__.py"
    assert (result.stdout, result.stderr, result.value_repr) == (f"{shown}\n", f"{shown}\n", repr(shown))


def test_scratch_directories_have_the_same_name_at_every_level(box: Sandbox) -> None:
    result = box.run("import os\nprint(os.getcwd())", files={"a": "1"})
    assert result.stdout == "/box/tmp\n"


def test_namespaces_hide_the_host_name(box: Sandbox) -> None:
    if box.describe()["level"] == "C":
        pytest.skip("level C has no namespaces")
    code = "import os, platform, socket\nprint({os.uname().nodename, platform.node(), socket.gethostname()})"
    assert box.run(code).stdout == "{'sandbox'}\n"
    assert socket.gethostname()


def test_memory_addresses_are_removed_from_reprs(box: Sandbox) -> None:
    code = "class A: pass\ndef f(): pass\nprint(A(), (i for i in ()), f.__code__)\nf"
    result = box.run(code)
    assert result.value_repr == "<function f at 0x...>"
    assert result.stdout.startswith(
        "<__main__.A object at 0x...> <generator object <genexpr> at 0x...> <code object f at"
    )
    assert box.run("print(hex(2**47), 'at 0x7fff', 'at', hex(2**47))").stdout == (
        "0x800000000000 at 0x7fff at 0x800000000000\n"
    )


def test_only_complete_paths_are_replaced() -> None:
    library = sysconfig.get_path("stdlib")
    hide = host_facts_hidden(["/opt/venv/lib/site-packages"])
    assert hide(f'File "{library}/json/decoder.py", line 1') == 'File "<python>/lib/json/decoder.py", line 1'
    assert hide(f"in {library}.") == "in <python>/lib."
    assert hide("/opt/venv/lib/site-packages/numpy") == "<packages>/numpy"
    assert hide(f"{tempfile.gettempdir()}/quintain-a1b2c3d4/own.py") == "/box/tmp/own.py"
    for text in ("/opt/venv/lib/site-packages2", "x/opt/venv/lib/site-packages", "/usr", "/usr/local", "a / b"):
        assert hide(text) == text


@pytest.mark.parametrize("prefix", ["/usr", "/usr/local", "/"])
def test_system_wide_prefixes_are_not_replaced(monkeypatch: pytest.MonkeyPatch, prefix: str) -> None:
    monkeypatch.setattr(sys, "base_prefix", prefix)
    monkeypatch.setattr(sys, "base_exec_prefix", prefix)
    assert host_facts_hidden([])("/usr/local/bin and / and /usr") == "/usr/local/bin and / and /usr"
