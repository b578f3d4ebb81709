import hashlib
import json
from itertools import permutations, product

import gymnasium as gym
import numpy as np
import pytest

import quintain
from quintain.envs.code_reason.bbh.original import FAMILIES, FOLDER_VARIABLE, HUMAN_WRITTEN
from quintain.envs.code_reason.registry import load_task, loader_only, task_names
from quintain.envs.text.task import Problem, sample_problem
from quintain.errors import ConfigurationError, MissingDependencyError, TaskError

CHOICES = [name for name in task_names("bbh") if "Options" in load_task(name).generate(np.random.default_rng(0)).prompt]


@pytest.fixture
def folder(tmp_path):
    examples = [
        {"input": f"Question {i}?\nOptions:\n(A) yes\n(B) no", "target": "(A)" if i % 2 else "(B)"} for i in range(40)
    ]
    (tmp_path / "snarks.json").write_text(json.dumps({"canary": "x", "examples": examples}))
    words = [{"input": f"Sort: b a c{i}", "target": f"a b c{i}"} for i in range(9)]
    (tmp_path / "word_sorting.json").write_text(json.dumps({"examples": words}))
    return tmp_path


def problems(name, count=60, **parameters):
    task = load_task(name, parameters)
    return task, [task.generate(np.random.default_rng([seed, 3])) for seed in range(count)]


@pytest.mark.parametrize("name", CHOICES)
def test_every_option_but_one_is_wrong(name):
    task, batch = problems(name, 20)
    for problem in batch:
        letters = [f"({chr(65 + i)})" for i in range(len(problem.data["options"]))]
        assert sum(task.score(problem, letter).correct for letter in letters) == 1
        assert len(set(problem.data["options"])) == len(problem.data["options"])
        assert task.score(problem, problem.answer.strip("()").lower()).correct


@pytest.mark.parametrize("name", CHOICES)
def test_the_correct_option_is_uniformly_distributed_over_positions(name):
    _, batch = problems(name, 120)
    options = max(len(p.data["options"]) for p in batch)
    most = max(sum(p.answer == f"({chr(65 + i)})" for p in batch) for i in range(options))
    assert most < 120 * max(0.72, 2.2 / options)


def test_boolean_expressions_evaluate_as_in_python():
    for problem in problems("boolean_expressions", 80, operators=12)[1]:
        expression = problem.prompt.splitlines()[1]
        assert set(expression.split()) <= {"True", "False", "not", "and", "or", "(", ")"}
        assert str(eval(expression)) == problem.answer  # our own expression, of five words only


def test_arithmetic_expressions_evaluate_as_in_python():
    for problem in problems("multistep_arithmetic_two", 80)[1]:
        expression = problem.prompt.split("What is ")[1].split("?\n")[0]
        assert set(expression) <= set("0123456789+-*() ")
        assert str(eval(expression)) == problem.answer  # our own expression, of digits and operators only


@pytest.mark.parametrize("count", ["three", "five"])
def test_clues_determine_one_order(count):
    for problem in problems(f"logical_deduction_{count}_objects", 30)[1]:
        data, n = problem.data, len(problem.data["objects"])
        fitting = []
        for order in permutations(range(n)):  # order[place] = object
            place = {thing: i for i, thing in enumerate(order)}
            holds = {
                "before": lambda a, b, place=place: place[a] < place[b],
                "at": lambda a, b, place=place: place[a] == b,
                "last": lambda a, b, place=place, n=n: n - 1 - place[a] == b,
                "next": lambda a, b, place=place: abs(place[a] - place[b]) == 1,
            }
            if all(holds[kind](a, b) for kind, a, b in data["clues"]):
                fitting.append(order)
        assert len(fitting) == 1
        right = data["options"][ord(problem.answer[1]) - 65]
        assert data["objects"][fitting[0][data["asked"]]] in right


def test_validity_agrees_with_enumeration_of_all_models():
    for problem in problems("formal_fallacies", 40, max_terms=3)[1]:
        kinds = list(product((False, True), repeat=len(problem.data["terms"])))

        def true(statement, world):
            quantifier, (a, affirmed), (b, confirmed) = statement
            both = [kind for kind in world if kind[a] == affirmed and kind[b] == confirmed]
            first = [kind for kind in world if kind[a] == affirmed]
            return {"every": both == first, "no": not both, "some": bool(both)}[quantifier]

        worlds = [[k for i, k in enumerate(kinds) if bits >> i & 1] for bits in range(1, 2 ** len(kinds))]
        premises = problem.data["premises"]
        valid = all(true(problem.data["conclusion"], w) for w in worlds if all(true(p, w) for p in premises))
        assert problem.answer == ("valid" if valid else "invalid")


@pytest.mark.parametrize("name", ["formal_fallacies", "navigate", "boolean_expressions", "web_of_lies"])
def test_both_answers_occur(name):
    task, batch = problems(name, 100)
    assert all(sum(p.answer == option for p in batch) >= 20 for option in task.OPTIONS)


def test_navigation_agrees_with_adding_up_steps():
    for problem in problems("navigate", 60)[1]:
        if problem.data["facing"]:
            steps = dict.fromkeys(("forward", "right", "backward", "left"), 0)
            for side, count in problem.data["moves"]:
                steps[side] += count
            back = steps["forward"] == steps["backward"] and steps["left"] == steps["right"]
            assert problem.answer == ("Yes" if back else "No")


def test_bracket_sequences_are_completed_correctly():
    for problem in problems("dyck_languages")[1]:
        text = problem.data["shown"] + problem.answer.replace(" ", "")
        while any(pair in text for pair in ("()", "[]", "{}")):
            for pair in ("()", "[]", "{}"):
                text = text.replace(pair, "")
        assert text == ""


# The original items


def test_the_seven_human_written_families_require_the_original_files():
    assert len(FAMILIES) == 27
    assert len(HUMAN_WRITTEN) == 7
    assert loader_only("bbh") == loader_only() == tuple(f"{family}_original" for family in HUMAN_WRITTEN)
    assert loader_only("symbench") == ()
    assert set(task_names("bbh")) == set(FAMILIES) - set(HUMAN_WRITTEN)


def test_original_items_are_scored(folder):
    task = load_task("snarks_original", {"folder": str(folder)})
    problem = task.generate(np.random.default_rng(0))
    other = "(B)" if problem.answer == "(A)" else "(A)"
    assert task.score(problem, problem.answer).strict
    assert task.score(problem, problem.answer[1].lower()).correct
    assert not task.score(problem, other).correct
    assert not task.score(problem, "(A) (B)").correct
    assert not task.score(problem, problem.prompt).correct
    assert task.solve(Problem(problem.prompt, "", problem.data)) == problem.answer
    words = load_task("word_sorting_original", {"folder": str(folder)})
    problem = words.generate(np.random.default_rng(0))
    assert words.score(problem, problem.answer.upper()).correct
    assert not words.score(problem, " ".join(reversed(problem.answer.split()))).correct


def test_original_items_are_divided_into_train_and_test(folder):
    task = load_task("snarks_original", {"folder": str(folder)})
    train, test = ({sample_problem(task, split, key).prompt for key in range(60)} for split in ("train", "test"))
    assert train
    assert test
    assert not train & test


def test_a_run_poses_every_original_item_of_the_split_once(folder):
    settings = {"tasks": "snarks_original", "difficulty": {"folder": str(folder)}}
    runs = {
        split: quintain.evaluate("CodeReason-v0", "oracle", env_kwargs={**settings, "split": split})
        for split in ("train", "test")
    }
    asked = {split: [e.steps[0]["observation"] for e in run.episodes] for split, run in runs.items()}
    assert sum(map(len, asked.values())) == 40
    assert len({*asked["train"], *asked["test"]}) == 40
    assert runs["test"].success.clusters is None
    env = gym.make("CodeReason-v0", **settings)
    third = runs["test"].episodes[2].info["task_id"]
    assert third == "snarks_original/test/item2"
    assert env.reset(options={"task_id": third})[0] == asked["test"][2]
    for number in (len(asked["test"]), -1):
        with pytest.raises(ConfigurationError, match=f"there is no item {number}: item_count is {len(asked['test'])}"):
            env.reset(options={"item": number})
    with pytest.raises(ConfigurationError, match="items in its split 'test'"):
        env.reset(options={"task_id": "snarks_original/test/item40"})


def test_items_of_several_files_are_posed_one_after_the_other(folder):
    words = {"tasks": ["snarks_original", "word_sorting_original"]}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDER_VARIABLE, str(folder))
        run = quintain.evaluate("CodeReason-v0", "oracle", env_kwargs=words)
        assert len({e.info["task_hash"] for e in run.episodes}) == len(run.episodes) > 20
        assert [e.info["task"] for e in run.episodes] == sorted(e.info["task"] for e in run.episodes)
        mixed = gym.make("CodeReason-v0", tasks=["snarks_original", "letters"])
        assert mixed.unwrapped.item_count is None


def test_a_run_from_before_items_is_scored_again_on_its_own_draws(folder, tmp_path):
    settings = {"tasks": "snarks_original", "difficulty": {"folder": str(folder)}}
    quintain.evaluate("CodeReason-v0", "oracle", env_kwargs=settings, episodes=5, out=tmp_path / "run")
    env = gym.make("CodeReason-v0", **settings)
    path = tmp_path / "run" / "episodes.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    for record in records:  # as earlier versions drew and recorded
        _, info = env.reset(seed=record["seed"])
        record["steps"][0]["action"] = env.unwrapped.solution()
        record["info"] |= {"task_hash": info["task_hash"], "task_id": info["task_id"]}
        record["item"] = None
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    found = quintain.rescore(tmp_path / "run")
    assert (found.drifted, found.changed) == ([], [])


def test_the_data_folder_can_be_set_by_an_environment_variable(folder, monkeypatch):
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder))
    assert load_task("snarks_original").generate(np.random.default_rng(0)).prompt.startswith("Question")


def test_files_with_a_wrong_checksum_are_refused(folder):
    digest = hashlib.sha256((folder / "snarks.json").read_bytes()).hexdigest()
    load_task("snarks_original", {"folder": str(folder), "sha256": digest})
    with pytest.raises(TaskError, match=digest):
        load_task("snarks_original", {"folder": str(folder), "sha256": "0" * 64})


def test_a_run_records_the_checksums_of_its_files(folder, tmp_path):
    digest = hashlib.sha256((folder / "snarks.json").read_bytes()).hexdigest()
    kwargs = {"tasks": "snarks_original", "difficulty": {"folder": str(folder)}}
    oracle = {"name": "oracle", "through_code": True}
    report = quintain.evaluate("CodeReason-v0", oracle, episodes=4, env_kwargs=kwargs, out=tmp_path / "run")
    assert report.success.estimate == 1.0
    facts = quintain.evaluation.Report.load(tmp_path / "run").manifest["facts"]
    assert facts["env"]["files"] == {"snarks.json": digest}
    with gym.make("CodeReason-v0", tasks="letters", code=False) as env:
        assert "files" not in env.unwrapped.describe()


def test_a_revision_of_the_hub_can_be_selected(monkeypatch):
    asked = []

    class Hub:
        @staticmethod
        def load_dataset(*args, **kwargs):
            asked.append((args, kwargs["revision"]))
            return [{"input": "Sort: b a", "target": "a b"}]

    monkeypatch.setitem(__import__("sys").modules, "datasets", Hub)
    first, second = (load_task("word_sorting_original", {"folder": f"hub:some/bbh{r}"}) for r in ("", "@abc"))
    assert asked == [(("some/bbh", "word_sorting"), None), (("some/bbh", "word_sorting"), "abc")]
    assert first.files() == second.files()


def test_errors_of_missing_and_broken_files_name_the_remedy(folder, monkeypatch):
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    with pytest.raises(ConfigurationError, match=r"snarks\.json.*folder.*QUINTAIN_BBH"):
        load_task("snarks_original")
    with pytest.raises(TaskError, match=r"cannot read .*ruin_names\.json"):
        load_task("ruin_names_original", {"folder": str(folder)})
    for content in ("not json", "[]", '{"examples": [{"input": "?"}]}', '{"examples": 3}'):
        (folder / "ruin_names.json").write_text(content)
        with pytest.raises(TaskError, match="is not of the form"):
            load_task("ruin_names_original", {"folder": str(folder)})
    (folder / "ruin_names.json").write_text('{"examples": []}')
    with pytest.raises(TaskError, match="no examples"):
        load_task("ruin_names_original", {"folder": str(folder)})


def test_without_the_datasets_library_the_hub_raises_a_dependency_error(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    with pytest.raises(MissingDependencyError, match="datasets"):
        load_task("navigate_original", {"folder": "hub:someone/bbh"})


def test_an_unreachable_hub_raises_an_error_with_a_remedy(monkeypatch):
    class Offline:
        @staticmethod
        def load_dataset(*args, **kwargs):
            raise ConnectionError("no route")

    monkeypatch.setitem(__import__("sys").modules, "datasets", Offline)
    with pytest.raises(TaskError, match="offline, give a folder"):
        load_task("hyperbaton_original", {"folder": "hub:someone/bbh"})
