"""Report pages of large runs: transcripts in separate files, read by a real browser; statistics by streaming."""

import base64
import json
import re
import zlib

import numpy as np
import pytest
from scipy import stats

from quintain.errors import RecordError
from quintain.evaluation.html import chunks, transcripts, write_report
from quintain.evaluation.html.plots import _ticks, histogram
from quintain.evaluation.report import Report
from quintain.evaluation.statistics import mean
from quintain.experiments.kinds import write_run_page
from quintain.records import EpisodeFile, EpisodeRecord, read_episodes

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

EVIL = "</script><script>document.title='ran'</script>\"); document.title='ran'; (\" \u202e \ud800"


def record(i, text=""):
    outcome = ["success", "failure", "parse_error", "error"][i % 4]
    reward = float(outcome == "success")
    return EpisodeRecord(
        i, 2**60 + i, outcome, {"agent": reward},
        [{"observation": f"Rules.\n\nQuestion {i}?", "action": f"word{i:04d} {text}", "reward": reward}],
        info={"task": f"task{i % 3}", "metrics": {"calls": i % 5}}, reward_terms={"format": i / 1000},
        error={"boundary": "engine", "type": "EngineError", "message": "down"} if outcome == "error" else None,
        completion_tokens=i % 7, wall_s=i / 100,
    )  # fmt: skip


def stored(folder, records):
    folder.mkdir(exist_ok=True)
    config = {"env": "CodeReason-v0", "agent": {"name": "chat"}, "seed": 0}
    (folder / "run.json").write_text(json.dumps({"config": config}))
    (folder / "episodes.jsonl").write_text("".join(each.to_line() + "\n" for each in records))
    return folder


@pytest.fixture
def small_files(monkeypatch):
    monkeypatch.setattr(chunks, "MAX_INLINE", 20_000)
    monkeypatch.setattr(chunks, "CHUNK", 10_000)


def unpack(file):
    call = re.fullmatch(r'quintainFile\("([a-z0-9]+)","([A-Za-z0-9+/=]+)"\)\n', file.read_text(encoding="ascii"))
    assert call, file.read_text()[:200]  # the script contains only base64
    return call[1], json.loads(zlib.decompress(base64.b64decode(call[2]), wbits=31))


def files_beside(page):
    return dict(map(unpack, page.with_name(f"{page.stem}_files").iterdir()))


def test_transcripts_of_large_runs_are_in_separate_files(tmp_path, small_files):
    run = stored(tmp_path / "run", [record(i, EVIL) for i in range(200)])
    page = write_run_page(run)
    text = page.read_text(encoding="utf-8")
    assert 'id="e0"' not in text
    assert "word0001" not in text
    files = files_beside(page)
    index = files.pop("index")
    assert [row["i"] for row in index["episodes"]] == list(range(200))
    assert len(files) > 2
    for row in index["episodes"]:
        (found,) = [data for data in files[str(row["file"])] if data["i"] == row["i"]]
        assert found["steps"][0]["action"] == f"word{row['i']:04d} {EVIL}"
        assert index["files"][row["file"]].startswith(f"{row['file']}-")


def test_the_page_of_a_stored_run_equals_that_of_its_report(tmp_path, small_files):
    for n in (20, 200):
        run = stored(tmp_path / str(n), [record(i) for i in range(n)])
        text = write_run_page(run).read_text()
        assert write_report(Report.load(run), run / "report.html").read_text() == text
        assert write_report(run).read_text() == text


ODD = '],"final_observation":null,"steps":[{"observation":"'


@pytest.mark.parametrize(
    ("steps", "copied"),
    [
        ([{"observation": "a", "action": EVIL, "reward": 0.25}], True),
        ([{"observation": ODD, "action": f"{ODD}\\", "reward": 1.0, "seat": "player_0"}] * 3, True),
        ([{"observation": "naïve \ud83d\ude00 \ud800", "action": "\u2028", "reward": 0.0}], True),
        ([], True),
        ([{"observation": "a", "action": [1, 2], "reward": 0.0}], False),
        ([{"observation": {"steps": [1], "final_observation": 2}, "action": "a", "reward": 0.0}], False),
        ([{"observation": "a", "action": "b", "reward": 1 / 3}], False),  # the page rounds it
        ([{"observation": "a", "action": "b", "reward": 0.0, "attack": {"x": [1], "final_observation": 2}}], False),
        ([{"observation": "a" * 70_000, "action": "b", "reward": 0.0}], False),
        ([{"observation": "a", "action": "b", "reward": 0.0}] * 401, False),
    ],
)
def test_steps_copied_from_the_record_are_those_of_the_transcript(steps, copied):
    record = EpisodeRecord(
        3, 2**63, "finished", {"player_0": 0.5, "b]": 1.0}, steps, final_observation=ODD, info={"steps": [ODD]},
        calls=[{"key": "k", "replies": [{"text": EVIL}, {"text": "other"}]}],
    )  # fmt: skip
    line = record.to_line().encode() + b"\n"
    assert (transcripts._stored_steps(record, line) is not None) == copied
    assert json.loads(transcripts.episode_json(record, line)) == json.loads(
        json.dumps(transcripts.episode_data(record))
    )
    assert transcripts.episode_json(record, line) == transcripts.episode_json(record)
    # Lines that other programs wrote: another order of keys, spaces, no escapes.
    data = json.loads(line)
    for foreign in (dict(reversed(data.items())), data):
        for ascii_only in (True, False):
            other = json.dumps(foreign, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
            assert transcripts.episode_json(record, other) == transcripts.episode_json(record)


def test_files_of_an_earlier_page_are_removed(tmp_path, small_files):
    run = stored(tmp_path / "run", [record(i) for i in range(300)])
    page = write_run_page(run)
    kept = run / "report_files" / "notes.txt"
    kept.write_text("mine")
    before = set(kept.parent.iterdir())
    stored(run, [record(i) for i in range(200)])
    write_run_page(run)
    assert len(beside_names := set(kept.parent.iterdir())) < len(before)
    assert kept in beside_names
    stored(run, [record(i) for i in range(5)])
    text = write_run_page(run).read_text()
    assert 'id="e4"' in text
    assert set(kept.parent.iterdir()) == {kept}
    assert page.exists()


def test_small_runs_stay_one_file(tmp_path):
    run = stored(tmp_path / "run", [record(i) for i in range(50)])
    page = write_run_page(run)
    assert "strict-dynamic" not in page.read_text()
    assert not page.with_name("report_files").exists()


def test_many_distinct_tasks_are_not_all_listed(tmp_path):
    records = [record(i) for i in range(3000)]
    for each in records:
        each.info["task"] = f"task number {each.index}"
    text = write_run_page(stored(tmp_path / "run", records)).read_text()
    assert "2,000 more tasks are not in this table" in text
    assert text.count("<td data-key=") == 1000


# Numbers


def test_streaming_results_equal_those_from_lists_of_records(tmp_path):
    records = [record(i) for i in range(40)]
    report = Report.open(stored(tmp_path / "run", records))
    scored = [e for e in records if e.outcome != "error"]
    assert report.reward == mean([e.reward for e in scored])
    assert report.metric("calls") == mean([float(e.info["metrics"]["calls"]) for e in scored])
    assert report.results.terms["format"] == mean([e.reward_terms["format"] for e in scored])
    assert report.results.steps_per_episode == mean([1.0] * len(scored))
    assert report.to_dict() == Report(records, report.manifest).to_dict()
    assert {task: found.success for task, found in report.results.by_task.items()} == {
        task: part.success for task, part in report.by_task.items()
    }


def test_a_reward_term_missing_from_an_episode_counts_as_zero():
    records = [record(i) for i in range(1, 4)]
    records[0].reward_terms, records[1].reward_terms = {"early": 3.0}, {"late": 6.0}
    records[2].outcome, records[2].error, records[2].reward_terms = "failure", None, {}
    found = Report(records).results.terms
    assert (found["early"].estimate, found["late"].estimate) == (1.0, 2.0)


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng, n: 2.0 * (rng.random(n) < 0.3),
        lambda rng, n: rng.normal(5, 2, n),
        lambda rng, n: rng.exponential(size=n),
        lambda rng, n: 2.0 * (rng.random(n) < 0.002),
        lambda rng, n: rng.lognormal(sigma=2, size=n),
    ],
    ids=["two values", "normal", "exponential", "rare", "heavy"],
)
def test_intervals_of_many_values_agree_with_scipys_bootstrap(draw):
    data = np.asarray(draw(np.random.default_rng(1), 5001), dtype=float)
    found = mean(data)
    expected = stats.bootstrap(
        (data,), np.mean, n_resamples=9999, method="BCa", batch=1000, rng=np.random.default_rng(2)
    ).confidence_interval  # fmt: skip
    error = data.std() / len(data) ** 0.5
    assert (found.method, found.n) == ("bca", 5001)
    # Two sets of 9,999 resamples differ by about 0.04 standard errors at each end, heavy tails by more.
    assert abs(found.low - expected.low) < 0.15 * error
    assert abs(found.high - expected.high) < 0.15 * error
    assert mean(data) == found


# The file of records, one at a time


def test_reads_the_last_record_of_each_index_in_order(tmp_path):
    run = stored(tmp_path / "run", [record(3), record(1), record(0), record(1, "again")])
    with (run / "episodes.jsonl").open("a") as file:
        file.write("\n" + record(0).to_line()[:-20])  # torn
    episodes = EpisodeFile(run)
    assert list(episodes) == read_episodes(run)
    assert (episodes.indices, len(episodes)) == ([0, 1, 3], 3)
    assert episodes[-1].index == 3
    assert "again" in episodes[1].steps[0]["action"]
    assert [e.index for e in episodes[1:]] == [1, 3]


def test_lines_in_another_order_of_keys_are_read_too(tmp_path):
    run = stored(tmp_path / "run", [])
    lines = [json.dumps(dict(reversed(json.loads(record(i).to_line()).items()))) for i in (2, 0)]
    (run / "episodes.jsonl").write_text("\n".join(lines))
    assert list(EpisodeFile(run)) == read_episodes(run) == [record(0), record(2)]


def test_damaged_records_raise_the_same_error_as_other_readers(tmp_path):
    run = stored(tmp_path / "run", [record(i) for i in range(3)])
    lines = (run / "episodes.jsonl").read_text().splitlines()
    (run / "episodes.jsonl").write_text("\n".join([lines[0], lines[1][:-9], lines[2]]))
    with pytest.raises(RecordError) as expected:
        read_episodes(run)
    with pytest.raises(RecordError, match=r"line 2 .* is damaged") as found:
        list(EpisodeFile(run))
    assert str(found.value) == str(expected.value)
    with pytest.raises(RecordError, match="no run at"):
        EpisodeFile(tmp_path / "nowhere")


# Histograms

RANGES = [(0, 1.05), (0, 450), (-0.4, 1.2), (1e-5, 2e-5), (0, 1e6), (-7, -3), (2.5, 3.5)]


@pytest.mark.parametrize(
    "values",
    [[0.0, 1.0, 1.0], [0.1, 0.2], [1e9, 3.5e9, 2e9], [-3.0, 7.5, 2.0, 2.0], [1e9, 1e9 + 2e-7], list(range(1000))],
)
def test_histogram_bar_heights_are_proportional_to_counts(values):
    from xml.etree import ElementTree

    drawn = ElementTree.fromstring(histogram(values, "a <b> & 'c'"))
    assert drawn.get("aria-label") == f"Histogram of a <b> & 'c', {len(values)} episodes"
    heights = np.array([float(bar.get("height")) for bar in drawn.iter("rect")])
    assert len(heights) <= 24
    counts = heights / heights.sum() * len(values)
    assert np.allclose(counts, counts.round(), atol=0.02 * len(values))
    assert 2 <= len(list(drawn.iter("text"))) <= 12


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1.05), (0, 450), (-0.4, 1.2), (1e-5, 2e-5), (0, 1e6), (-7, -3), (2.5, 3.5)]
)
@pytest.mark.parametrize("integer", [True, False])
def test_axis_ticks_are_few_and_within_the_range(low, high, integer):
    ticks = _ticks(low, high, 4, integer=integer)
    assert len(ticks) <= 5
    assert all(low - 1e-9 <= tick <= high + 1e-9 for tick in ticks)
    assert not integer or all(float(tick).is_integer() for tick in ticks)
    assert integer or len(ticks) >= 2
