"""The file system in memory: edits, searches, patches, and copies on write."""

import pytest

from quintain.envs.repair.workspace import MAX_FILE_CHARS, MAX_FILES, ToolError, Workspace

TEXT = "class A:\n    def f(self):\n        return 1\n\n    def g(self):\n        return 1\n\nx = A()\n"


def made(**files):
    return Workspace({"pkg/a.py": TEXT, "README.md": "hello\n"} | files)


def test_a_replaced_text_must_occur_exactly_once():
    space = made()
    assert space.replace("pkg/a.py", "def g(self):\n        return 1", "def g(self):\n        return 2") == 5
    assert space.read("pkg/a.py").endswith("return 2\n\nx = A()\n")
    for old, why in (("return 1\n\n    def h", "does not occur"), ("self", "occurs 2 times"), ("", "is empty")):
        with pytest.raises(ToolError, match=why):
            space.replace("pkg/a.py", old, "y")
    with pytest.raises(ToolError, match=r"no file 'b\.py'"):
        space.replace("b.py", "a", "b")


def test_lines_are_inserted_and_appended_whole():
    space = made()
    space.insert("README.md", 0, "first")
    space.insert("README.md", 2, "last\n")
    space.append("README.md", "end")
    assert space.read("README.md") == "first\nhello\nlast\nend\n"
    with pytest.raises(ToolError, match="line must be from 0 to 4"):
        space.insert("README.md", 5, "x")


@pytest.mark.parametrize(
    "path", ["../a.py", "/etc/passwd", "a//b", "a/./b", "", "a b", "pkg/a.py/c", "pkg", "x" * 200, "a\n"]
)
def test_paths_stay_inside(path):
    with pytest.raises(ToolError):
        made().write(path, "x")


def test_size_and_number_of_files_are_limited():
    space = made()
    with pytest.raises(ToolError, match="characters"):
        space.write("big.py", "x" * (MAX_FILE_CHARS + 1))
    for number in range(MAX_FILES - 2):
        space.write(f"f{number}", "")
    with pytest.raises(ToolError, match="files"):
        space.write("one_more", "")
    space.write("f0", "still allowed")


def test_an_edit_leaves_earlier_states_alone():
    space = made()
    before = space.files
    space.write("README.md", "changed\n")
    assert before["README.md"] == "hello\n"
    assert space.files["pkg/a.py"] is before["pkg/a.py"], "texts are shared"
    space.files = before
    assert space.patch() == ""


def test_views_are_numbered_and_limited():
    space = made(long="\n".join(map(str, range(500))))
    assert (
        space.view("pkg/a.py", 2, 3)[0] == "pkg/a.py, lines 2 to 3 of 8:\n   2     def f(self):\n   3         return 1"
    )
    assert space.view("long")[1:] == (1, 200)
    assert space.view("long", 450)[1:] == (450, 500)
    for start, end in ((0, 1), (9, None), (3, 2)):
        with pytest.raises(ToolError, match="8 lines"):
            space.view("pkg/a.py", start, end)


def test_searches():
    space = made()
    assert space.find("return") == [("pkg/a.py", 3), ("pkg/a.py", 6)]
    assert space.find("hello", "pkg/a.py") == []
    assert space.definitions("class", "A") == [("pkg/a.py", 1, 6)]
    assert space.definitions("def", "f") == [("pkg/a.py", 2, 3)]
    assert space.definitions("def", "f.*") == []
    with pytest.raises(ToolError):
        space.find("a\nb")


def test_the_patch_is_a_unified_diff():
    space = made()
    space.replace("README.md", "hello", "goodbye")
    space.write("new.py", "x = 1")
    assert space.patch() == (
        "--- a/README.md\n+++ b/README.md\n@@ -1 +1 @@\n-hello\n+goodbye\n"
        "--- /dev/null\n+++ b/new.py\n@@ -0,0 +1 @@\n+x = 1\n\\ No newline at end of file\n"
    )
