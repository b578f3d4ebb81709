"""Only agents that declare ``uses_solution`` get the solution, and the manifest records it."""

import pytest

import quintain
from quintain.agents import make_agent
from quintain.evaluation.html import write_report
from quintain.evaluation.html.provenance import provenance

LETTERS = {"episodes": 10, "env_kwargs": {"tasks": "letters"}}


class Peeks:
    """Submits the solution without declaring ``uses_solution``."""

    def begin(self, seat):
        self.seat = seat
        return self

    def act(self, observation, info):
        return self.seat.solution()


class DeclaredPeeks(Peeks):
    uses_solution = True


class DescribedPeeks(DeclaredPeeks):
    def describe(self):
        return {"agent": "peeks"}


class DeniesPeeking(Peeks):
    uses_solution = False


@pytest.mark.parametrize("agent", [Peeks(), DeniesPeeking()])
def test_an_agent_without_uses_solution_gets_no_solution(agent):
    report = quintain.evaluate("CodeReason-v0", agent, errors="record", **LETTERS)
    assert agent.seat.solution is None
    assert report.errors == 10
    assert report.outcomes["success"] == 0
    assert {e.error["boundary"] for e in report.episodes} == {"agent"}
    assert "uses_solution" not in str(report.manifest)
    assert not provenance(report).oracle


@pytest.mark.parametrize(
    "agent", [DeclaredPeeks(), DescribedPeeks(), make_agent("oracle"), "oracle", {"name": "oracle"}]
)
def test_uses_solution_is_recorded_in_manifest_and_page(agent, tmp_path):
    report = quintain.evaluate("CodeReason-v0", agent, out=tmp_path / "run", **LETTERS)
    assert report.outcomes["success"] == 10
    assert report.manifest["facts"]["agent"]["uses_solution"] is True
    if not isinstance(agent, (str, dict)):
        assert report.manifest["config"]["agent"]["uses_solution"] is True
    assert provenance(report).oracle
    page = write_report(tmp_path / "run").read_text(encoding="utf-8")
    assert "an oracle: it was given the right answers" in page


def test_the_page_of_other_agents_mentions_no_oracle(tmp_path):
    quintain.evaluate("CodeReason-v0", lambda question: "<<<no>>>", out=tmp_path / "run", **LETTERS)
    assert "an oracle" not in write_report(tmp_path / "run").read_text(encoding="utf-8")
