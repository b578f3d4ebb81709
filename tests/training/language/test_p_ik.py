"""P(IK) on an untrained nano model: labels from runs, the frozen probe, full training, and interventions."""

import numpy as np
import pytest

import quintain
from quintain.engines import Request
from quintain.errors import ConfigurationError
from quintain.evaluation.calibration import auroc
from quintain.messages import user
from quintain.training.language.p_ik import KnownQuestions, PIKSettings, known_questions, train_p_ik, with_context

torch = pytest.importorskip("torch")


@pytest.fixture
def questions():
    """Questions of two forms, of which the model knows one."""
    requests = tuple(Request(messages=[user(f"{k}{'+' if k % 2 else '-'}{k}=")]) for k in range(40))
    return KnownQuestions(requests, np.arange(40) % 2 * 0.9, np.full(40, 10))


def part(questions, places):
    chosen = tuple(questions.requests[k] for k in places)
    return KnownQuestions(chosen, questions.known[places], questions.samples[places])


def test_the_probe_predicts_what_is_known_of_other_questions(engine, questions):
    train, test = np.arange(28), np.arange(28, 40)
    found = train_p_ik(engine, part(questions, train))
    predicted = found.predict(part(questions, test).requests)
    assert auroc(predicted, questions.known[test] > 0.5).estimate == 1
    assert predicted[questions.known[test] > 0.5].mean() == pytest.approx(0.9, abs=0.2)
    assert found.facts["variant"] == "linear probe on the frozen model"


def test_all_weights_of_a_copy_are_trained_and_the_model_stays_as_it_is(engine, questions):
    before = {name: tensor.detach().clone() for name, tensor in engine.model.named_parameters()}
    settings = PIKSettings(method="full", learning_rate=2e-3, epochs=6)
    found = train_p_ik(engine, questions, settings)
    again = train_p_ik(engine, questions, settings)
    predicted = found.predict(questions.requests)
    assert auroc(predicted, questions.known > 0.5).estimate > 0.95
    assert np.array_equal(predicted, again.predict(questions.requests))  # equal seeds, equal heads
    assert all(torch.equal(tensor, before[name]) for name, tensor in engine.model.named_parameters())
    assert all(tensor.requires_grad for tensor in engine.model.parameters())
    assert found.facts["variant"] == "value head with all weights fine-tuned"


def test_a_question_counts_as_often_as_it_was_answered_in_both_methods(engine):
    """Nine right answers and one wrong one to the same words: 0.9, and not the mean of the two shares."""
    same = KnownQuestions((Request(messages=[user("1+1=")]),) * 2, np.array([1.0, 0.0]), np.array([9, 1]))
    full = PIKSettings(method="full", learning_rate=2e-2, epochs=40)
    for settings in (PIKSettings(), full):
        assert train_p_ik(engine, same, settings).predict(same.requests) == pytest.approx([0.9, 0.9], abs=0.05)


def test_labels_are_shares_of_right_answers_of_a_run(engine):
    rows = [{"question": f"{k}+1=", "answer": str(k + 1)} for k in range(3)]
    agent = {"name": "chat", "engine": engine, "max_tokens": 2, "temperature": 1, "extract": False}
    report = quintain.evaluate(
        "QuestionAnswering-v0", agent, episodes=3, repeats=4, env_kwargs={"tasks": rows}, progress=False
    )
    found = known_questions(report.episodes)
    assert found.samples.tolist() == [4, 4, 4]
    assert ((found.known >= 0) & (found.known <= 1)).all()
    assert {request.messages[-1]["content"].split("+")[0][-1] for request in found.requests} == {"0", "1", "2"}
    with pytest.raises(ConfigurationError, match="no episode"):
        known_questions([])


def test_context_stands_before_the_question_and_a_hint_after_it():
    request = Request(messages=[user("one"), user("2+2=")])
    changed = with_context(request, "Known: 4. ", " Hint: 4")
    assert [message["content"] for message in changed.messages] == ["one", "Known: 4. 2+2= Hint: 4"]
    assert with_context(Request(prompt="2+2="), "Known: 4. ", " Hint: 4").prompt == "Known: 4. 2+2= Hint: 4"


def test_settings_out_of_range_are_refused():
    for wrong in ({"method": "half"}, {"l2": 0}, {"epochs": 0}):
        with pytest.raises(ConfigurationError):
            PIKSettings(**wrong)
