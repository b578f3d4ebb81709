"""The page of a training."""

import json

import pytest

from quintain.errors import RecordError
from quintain.experiments.kinds import write_run_page
from quintain.records import EpisodeRecord
from quintain.training.folder import TrainingRun, read_metrics

pytest.importorskip("matplotlib")


def _run(folder, **options):
    settings = {"num_prompts": 1, "num_generations": 2, "learning_rate": 0.1}
    return TrainingRun(
        "grpo",
        env="CodeReason-v0",
        env_kwargs={},
        policy="chat",
        seed=3,
        settings=settings,
        steps=3,
        out=folder,
        **options,
    )


def _episode(index):
    step = {"observation": "<b>2+2</b>", "action": f"reply {index}", "reward": 1.0}
    return EpisodeRecord(index, 0, "success", {"agent": 1.0}, steps=[step])


def test_curves_transcripts_and_settings_are_on_the_page(tmp_path):
    with _run(tmp_path) as run:
        for index in range(6):
            run.add_episode(_episode(index))
        for step in (1, 2, 3):
            run.log(
                {
                    "step": step,
                    "reward": step / 4,
                    "success": step / 5,
                    "eval/sampled": 0.1 * step,
                    "eval/greedy": 0.2 * step,
                }
            )
    page = write_run_page(tmp_path).read_text()
    for text in (
        "accuracy on the evaluation problems",
        "success in training",
        "learning_rate",
        "eval/greedy, last",
        "60.0%",
    ):
        assert text in page
    assert "reply 0" in page
    assert "reply 5" in page
    assert "reply 3" in page  # iteration 2 of 3 is in the middle
    assert "&lt;b&gt;2+2&lt;/b&gt;" in page
    assert "<b>2+2</b>" not in page


def test_a_training_without_a_step_has_a_page(tmp_path):
    with _run(tmp_path):
        pass
    assert "No step has been logged yet" in write_run_page(tmp_path).read_text()


def test_a_torn_last_line_of_metrics_is_ignored_and_other_damage_is_an_error(tmp_path):
    with _run(tmp_path) as run:
        run.log({"step": 1, "reward": 0.5})
        run.log({"step": 2, "reward": 0.75})
    path = tmp_path / "metrics.jsonl"
    whole = path.read_text()
    path.write_text(whole + '{"step": 3, "rew')
    assert [row["step"] for row in read_metrics(tmp_path)] == [1, 2]
    path.write_text('{"step": 1' + "\n" + json.dumps({"step": 2}) + "\n")
    with pytest.raises(RecordError, match="line 1"):
        read_metrics(tmp_path)


def test_going_back_drops_later_metrics(tmp_path):
    with _run(tmp_path) as run:
        for step in (1, 2, 3):
            run.log({"step": step})
    with _run(tmp_path, resume=True) as run:
        run.go_back(2)
        assert [row["step"] for row in run.curve] == [1, 2]
    assert [row["step"] for row in read_metrics(tmp_path)] == [1, 2]
