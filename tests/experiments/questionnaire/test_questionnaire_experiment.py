"""The experiment: its plan, its records as one table of answers, resuming, refusals, personas and the page."""

import json
import math

import pytest

from quintain.engines import Reply, ScriptedEngine
from quintain.errors import ConfigurationError, EngineError
from quintain.evaluation.report import Report
from quintain.experiments.kinds import load_run
from quintain.experiments.questionnaire import QuestionnaireExperiment, audit_tables, run_questionnaire

SMALL = {"instruments": ["ipip-100"], "per_trait": 2, "traits": ["Openness", "Extraversion", "Neuroticism"]}


def chooser(pick, asked=None):
    """Return an engine that chooses the label ``pick(request)`` with probability 0.6 and mass 0.9 on the labels."""

    def reply(request):
        if asked is not None:
            asked.append(request)
        chosen = pick(request) % len(request.choices)
        rest = 0.3 / (len(request.choices) - 1)
        logprobs = tuple(math.log(0.6 if k == chosen else rest) for k in range(len(request.choices)))
        return Reply(request.choices[chosen], finish_reason="choice", choice_logprobs=logprobs)

    return ScriptedEngine(reply, capabilities=["chat", "choices", "prefill"])


@pytest.fixture
def without_page(monkeypatch):
    """Leave the page out, whose figures take most of the time of a small run."""
    monkeypatch.setattr(QuestionnaireExperiment, "page", classmethod(lambda cls, report: ""))


def test_the_plan_has_all_templates_orders_exchanged_scales_and_paraphrases():
    plan = QuestionnaireExperiment({"m": chooser(lambda r: 0)}, ["ipip-100", "scenarios-160"], per_trait=1)
    plain = [one for one in plan.conditions if one.is_plain]
    assert len(plain) == 2 * 3 * 2
    assert [one.template for one in plan.conditions if one.flip] == ["scale"]
    assert {one.instrument for one in plan.conditions if one.paraphrase} == {"scenarios-160"}
    cells = list(plan.cells())
    assert [cell.indices.start for cell in cells[1:]] == [cell.indices.stop for cell in cells[:-1]]
    full = QuestionnaireExperiment({"m": chooser(lambda r: 0)}, ["scenarios-160"], orders="all", templates=["bare"])
    assert len([one for one in full.conditions if one.is_plain]) == 24


def test_a_model_that_takes_the_first_option_is_found_out_and_its_mass_is_known(tmp_path, without_page):
    plan = QuestionnaireExperiment({"first": chooser(lambda request: 0)}, **SMALL)
    audit = run_questionnaire(plan, out=tmp_path / "run", show=False)
    group = audit.of("first", "ipip-100")
    assert not group.verdict.is_usable
    assert {bias.first.estimate for bias in group.biases} == {1.0}
    assert group.biases[0].mass.estimate == pytest.approx(0.9)
    assert group.sensitivities[1].option.estimate == 1.0  # orders
    assert group.reliability.expected.keys() == {"template", "order", "scale"}
    assert "not usable" in (tmp_path / "run" / "audit.md").read_text()
    manifest = json.loads((tmp_path / "run" / "run.json").read_text())
    assert all(check["passed"] for check in manifest["self_test"] if check["respondent"] == "always first")
    stored = QuestionnaireExperiment.tabulate(load_run(tmp_path / "run"))
    assert stored.to_dict() == audit.to_dict()


def test_a_run_that_broke_off_is_continued_to_the_same_audit(tmp_path, without_page):
    calls = iter(range(10_000))

    def stops(request):
        if next(calls) == 20:
            raise KeyboardInterrupt
        return len(request.messages[-1]["content"])

    with pytest.raises(KeyboardInterrupt):
        run_questionnaire(QuestionnaireExperiment({"m": chooser(stops)}, **SMALL), out=tmp_path / "run", show=False)
    half = Report.load(tmp_path / "run")
    assert 0 < len(half.episodes) < 42
    assert len(QuestionnaireExperiment.tabulate(half).groups) <= 1
    steady = QuestionnaireExperiment({"m": chooser(lambda request: len(request.messages[-1]["content"]))}, **SMALL)
    again = run_questionnaire(steady, out=tmp_path / "run", resume=True, show=False)
    assert again.to_dict() == run_questionnaire(steady, show=False).to_dict()


def test_a_model_that_refuses_everything_has_no_scores_and_no_verdict_of_use():
    engine = ScriptedEngine("As an AI language model, I don't have a personality.")
    audit = run_questionnaire(QuestionnaireExperiment({"m": engine}, readouts=["text"], **SMALL), show=False)
    (group,) = audit.groups
    assert [bias.refused.estimate for bias in group.biases] == [1.0] * 3
    assert "too few answers for any test" in group.verdict.reasons
    assert group.profile()["Openness"].score.n == 0
    assert "no answer" in audit_tables(audit)["biases"].head
    json.dumps(audit.to_dict())


@pytest.mark.parametrize(("name", "value"), [("per_trait", 0), ("per_trait", 1.5), ("max_tokens", 0)])
def test_counts_out_of_range_are_refused(name, value):
    with pytest.raises(ConfigurationError, match=f"{name} must be an integer >= 1"):
        QuestionnaireExperiment({"m": ScriptedEngine("A")}, **{name: value})


def test_infrastructure_failures_are_no_refusals():
    def fail(request):
        raise EngineError("the server is down")

    audit = run_questionnaire(QuestionnaireExperiment({"m": ScriptedEngine(fail)}, ["ipip-100"], ["text"], per_trait=1))
    assert audit.errors == 35
    assert audit.groups[0].biases[0].refused.estimate == 0


def test_personas_are_system_prompts_and_their_effect_is_measured():
    asked = []

    def follow(request):
        persona = request.messages[0]["content"] if request.messages[0]["role"] == "system" else ""
        labels = [choice.strip() for choice in request.choices]
        text = request.messages[-1]["content"]
        high = any(option in text for option in HIGH_FIRST)
        return labels.index("A") if ("with high" in persona) == high else labels.index("B")

    HIGH_FIRST = ["A. Go to the silent play", "A. Take the dish"]
    plan = QuestionnaireExperiment(
        {"m": chooser(follow, asked)}, ["scenarios-160"], personas=True, traits=["Openness"], per_trait=2,
        templates=["suggestion"], paraphrases=False,
    )  # fmt: skip
    (group,) = run_questionnaire(plan, show=False).groups
    (check,) = group.personas
    assert (check.high.estimate, check.low.estimate, check.difference.estimate) == (1, 0, 1)
    assert any(request.messages[0]["role"] == "system" for request in asked)


def test_an_instrument_with_one_item_has_a_score_and_no_tests():
    one = {"name": "one", "kind": "self-report", "scale": ["yes", "no"],
           "items": [{"id": "1", "trait": "T", "key": 1, "text": "Am."}]}  # fmt: skip
    plan = QuestionnaireExperiment({"m": chooser(lambda request: 1)}, [one], templates=["accuracy"])
    audit = run_questionnaire(plan, show=False)
    assert "too few answers for any test" in audit.groups[0].verdict.reasons
    assert audit_tables(audit)["scores: one"].rows[0][3].n == 1


def test_the_page_compares_models_and_escapes_what_they_are_called(tmp_path):
    pytest.importorskip("matplotlib")
    models = {"<b>one</b>": chooser(lambda r: 0), "two": chooser(lambda r: len(r.messages[-1]["content"]))}
    run_questionnaire(QuestionnaireExperiment(models, templates=["words"], **SMALL), out=tmp_path / "run", show=False)
    text = (tmp_path / "run" / "report.html").read_text()
    assert "<b>one</b>" not in text
    for part in ("Verdicts", "Profiles", "Self-test", "always high", "| marks two random answers", "Krippendorff"):
        assert part in text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"templates": ["bare"]}, "no template bare"),
        ({"templates": ["nonsense", "scale"]}, "no template nonsense"),
        ({"orders": "some"}, "orders must be one of"),
        ({"orders": "all", "instruments": ["ipip-100"], "readouts": []}, "readouts must not be empty"),
        ({"instruments": ["ipip-100", "ipip-100"]}, "given twice"),
        ({"traits": ["Humour"]}, "none of the traits Humour"),
    ],
)
def test_plans_that_cannot_work_are_refused(changes, message):
    with pytest.raises(ConfigurationError, match=message):
        QuestionnaireExperiment({"m": chooser(lambda r: 0)}, **changes)
