import pytest

pytest.importorskip("stable_baselines3")
pytest.importorskip("mujoco")


def test_a_defended_policy_is_trained_listed_and_shown_under_its_own_name(quintain, tmp_path, monkeypatch):
    monkeypatch.setenv("QUINTAIN_CACHE", str(tmp_path))
    train = ("policies", "train", "reach", "--defence", "sa", "--epsilon", 0.05, "--steps", 1)
    trained = quintain(*train)
    assert trained.code == 0, trained.text
    assert "reach-sa: Tabletop/Reach-v0, budget 0.05 (raw, l_inf)" in trained.text
    assert "<- kept" in trained.text
    assert (tmp_path / "policies" / "reach-sa-0.05-seed0.npz").exists()
    assert "defended reach-sa-0.05" in quintain("policies", "list").text
    shown = quintain("policies", "show", "reach-sa-0.05").text
    assert shown.startswith("reach-sa: ")
    assert shown in trained.text


def test_invalid_training_requests_are_error_messages(quintain, tmp_path, monkeypatch):
    monkeypatch.setenv("QUINTAIN_CACHE", str(tmp_path))
    for words, text in (
        (("--defence", "sa"), "--epsilon"),
        (("--epsilon", 0.1), "give --defence as well"),
        (("--defence", "prayer", "--epsilon", 0.1), "rat-atla"),
    ):
        refused = quintain("policies", "train", "reach", *words)
        assert refused.code != 0
        assert text in refused.text or text in str(refused.exception)
    missing = quintain("policies", "show", "reach-sa-0.05")
    assert missing.code != 0
