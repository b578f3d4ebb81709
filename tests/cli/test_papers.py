"""``quintain papers``."""

from pathlib import Path

import quintain.cli.papers as command


def test_the_list_shows_every_paper_with_its_verdict(quintain):
    result = quintain("papers")
    assert result.code == 0, result.text
    assert "rat_targeted_attack Bai et al. 2025 2412.10713 found in part" in result.text
    assert "fobar Jiang et al. 2024 2308.07758 not tried" in result.text
    assert "quintain papers run repeated_games" in result.text
    listed = quintain("papers", "--json").json
    assert len(listed) == 26
    assert {paper["command"] for paper in listed if paper["verdict"] == "not tried"} == {""}
    assert quintain("papers", "--markdown").out.count("\n") == 28


def test_run_passes_its_options_to_the_program_and_returns_its_exit_code(quintain, tmp_path, monkeypatch):
    program = tmp_path / "papers" / "repeated_games" / "run.py"
    program.parent.mkdir(parents=True)
    program.write_text(
        "import pathlib, sys\npathlib.Path('arguments').write_text(' '.join(sys.argv[1:]))\nsys.exit(7)\n"
    )
    monkeypatch.setattr(command, "papers_folder", lambda: tmp_path / "papers")
    result = quintain("papers", "run", "repeated_games", "--smoke", "--games", "2", "--", "--help")
    assert result.code == 7
    assert Path("arguments").read_text() == "--smoke --games 2 --help"


def test_run_reports_missing_dependencies(quintain, monkeypatch):
    assert "did you mean 'repeated_games'" in quintain("papers", "run", "repeated_gams").text
    assert "paper 'fobar' is not tried yet" in quintain("papers", "run", "fobar").text
    monkeypatch.setattr(command, "papers_folder", lambda: None)
    result = quintain("papers", "run", "repeated_games")
    assert result.code == 1
    assert "unpack the source distribution: pip download" in result.text
