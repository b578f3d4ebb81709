import pytest

pytest.importorskip("stable_baselines3")
pytest.importorskip("mujoco")


def test_a_defended_victim_is_trained_listed_and_shown_under_a_name_of_its_own(quintain, tmp_path, monkeypatch):
    monkeypatch.setenv("QUINTAIN_CACHE", str(tmp_path))
    train = ("policies", "train", "reach", "--defence", "sa", "--epsilon", 0.05, "--steps", 1)
    trained = quintain(*train)
    assert trained.code == 0, trained.said
    assert "reach-sa: Tabletop/Reach-v0, budget 0.05 (raw, l_inf)" in trained.said
    assert "<- kept" in trained.said
    assert (tmp_path / "policies" / "reach-sa-0.05-seed0.npz").exists()
    assert "defended reach-sa-0.05" in quintain("policies", "list").said
    shown = quintain("policies", "show", "reach-sa-0.05").said
    assert shown.startswith("reach-sa: ")
    assert shown in trained.said


def test_what_cannot_be_trained_is_said(quintain, tmp_path, monkeypatch):
    monkeypatch.setenv("QUINTAIN_CACHE", str(tmp_path))
    for words, said in (
        (("--defence", "sa"), "--epsilon"),
        (("--epsilon", 0.1), "give --defence as well"),
        (("--defence", "prayer", "--epsilon", 0.1), "rat-atla"),
    ):
        refused = quintain("policies", "train", "reach", *words)
        assert refused.code != 0
        assert said in refused.said or said in str(refused.exception)
    missing = quintain("policies", "show", "reach-sa-0.05")
    assert missing.code != 0
