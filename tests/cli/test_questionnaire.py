"""``quintain questionnaire``: self-test first, verdicts, files, resuming and JSON."""

from pathlib import Path

WORDS = (
    "questionnaire",
    "lazy=scripted:A",
    "--readout",
    "text",
    "--per-trait",
    2,
    "-i",
    "scenarios-160",
    "-t",
    "bare",
    "--trait",
    "Openness",
)


def test_models_are_audited_after_the_self_test(quintain, monkeypatch):
    from quintain.experiments.questionnaire import QuestionnaireExperiment

    monkeypatch.setattr(QuestionnaireExperiment, "page", classmethod(lambda cls, report: ""))
    result = quintain(*WORDS, "-o", "run")
    assert result.code == 0, result.text
    assert result.text.index("planted respondent") < result.text.index("not usable")
    assert Path("run/scores.csv").read_text().startswith("model,readout,instrument,trait")
    lines = Path("run/episodes.jsonl").read_bytes()
    assert quintain(*WORDS, "-o", "run").code == 1  # the folder holds a run
    again = quintain(*WORDS, "-o", "run", "--resume", "--json")
    assert again.code == 0, again.text
    assert again.json["groups"][0]["usable"] is False
    assert Path("run/episodes.jsonl").read_bytes() == lines


def test_two_models_of_one_name_are_refused(quintain):
    result = quintain("questionnaire", "a=scripted:A", "a=scripted:B", "-o", "run")
    assert result.code != 0
    assert "given twice" in result.text


def test_a_model_needs_no_label(quintain, monkeypatch):
    from quintain.experiments.questionnaire import QuestionnaireExperiment

    monkeypatch.setattr(QuestionnaireExperiment, "page", classmethod(lambda cls, report: ""))
    _, _, *words = WORDS
    result = quintain("questionnaire", "scripted:A", *words, "-o", "run")
    assert result.code == 0, result.text
    assert "scripted:A" in Path("run/scores.csv").read_text()
