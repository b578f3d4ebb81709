"""The text view: what is seen and carried, commands and their results, and malformed commands as outcomes."""

import gymnasium as gym
import pytest

import quintain
from quintain.agents.scripted import FunctionAgent
from quintain.envs.minecraft.commands import Command, MalformedCommand, parse_command
from quintain.envs.minecraft.kernels import world as w
from quintain.envs.minecraft.player import TextPlayer
from quintain.errors import ConfigurationError

pytest.importorskip("numba")


@pytest.mark.parametrize(
    ("reply", "command"),
    [
        ("forward 5", Command("forward", "", 5)),
        ("Forward", Command("forward", "", 1)),
        ("I see a tree.\n\nAction: turn left 30", Command("turn", "left", 30)),
        ("`look down`", Command("look", "down", 30)),
        ("turn around.", Command("turn", "around")),
        ("**dig**", Command("dig")),
        ("face Diamond ore", Command("face", "diamond_ore")),
        ("craft wooden_pickaxe\n```", Command("craft", "wooden_pickaxe")),
        ("back 3 blocks", Command("back", "", 3)),
    ],
)
def test_commands_are_read_from_the_last_line(reply, command):
    assert parse_command(reply) == command


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ("", "empty"),
        ("fly 3", "unknown command 'fly'"),
        ("forward 0", "number from 1 to 64, got '0'"),
        ("forward 65", "got '65'"),
        ("forward -1", "got '-1'"),
        ("forward ٣", "number from 1"),
        ("turn", "left, right, around"),
        ("turn left 1000", "1 to 180"),
        ("craft", "needs a name"),
        ("dig up", "takes nothing after it"),
        ("forward 5 and dig", "got '5 and dig'"),
    ],
)
def test_what_is_no_command_says_what_was_expected(reply, words):
    with pytest.raises(MalformedCommand, match=words):
        parse_command(reply)


@pytest.fixture
def play(arena):
    """A player on a flat floor, with a log two blocks ahead."""
    place = arena()
    place.put("log_oak", z=18)
    place.put("log_oak", y=11, z=18)
    player = TextPlayer(place.simulator, 3000)
    return place, player, lambda text: player.play(text).observation


def test_the_first_text_holds_task_rules_and_world(play):
    place, player, _ = play
    place.give(("log", 3), ("iron_pickaxe", 1))
    text = player.restart()
    assert text.startswith("Task: ")
    assert "craft ITEM" in text
    assert "You face south." in text
    assert "In the crosshair: log." in text
    assert "You see: log 1 blocks away" in text or "log 2 blocks away" in text
    assert "You carry: log x3, iron_pickaxe x1; in the hand log." in text
    assert "You can craft: planks." in text


def test_walking_stops_at_a_wall_and_climbs_single_steps(play):
    place, _, say = play
    assert "Something is in the way: you went" in say("forward 5")
    assert "You turned right 90." in say("turn right")
    place.put("stone", x=13, z=16)  # a step; west is ahead
    assert "You went 3.9" in say("forward 4") or "You went 4" in place.body[w.X]
    assert place.body[w.X] < 13.0


def test_dig_craft_and_place(play):
    place, _, say = play
    assert "The block broke." in say("dig")
    say("look down 45")
    say("forward 1")
    assert place.carried() == {"log": 1}
    assert "You made 4 planks." in say("craft planks")
    assert "needs 3 planks (you have 4), 2 stick (you have 0), a crafting table" in say("craft wooden_pickaxe")
    assert "You made 1 crafting_table." in say("craft crafting table")
    assert "You placed the crafting_table." in say("place crafting_table")
    assert "Within reach: crafting table." in say("wait")
    assert "You carry no shovel." in say("equip shovel")
    assert "did you mean 'stick'" in say("craft stik")


def test_facing_what_is_seen(play):
    place, _, say = play
    place.put("diamond_ore", x=12, y=10, z=20)
    place.put("diamond_ore", x=12, y=11, z=20)
    assert "You turned right 45" in say("face diamond")
    assert place.body[w.YAW] == 45.0
    assert "No cow is in view." in say("face cow")
    assert "You turned right 135." in say("face north")


def test_damage_and_death_are_reported(play):
    place, _, say = play
    place.body[w.HP] = 4.0
    place.put("lava", z=16)
    text = say("wait 40")
    assert "You lost 4 health. You died: lava." in text


@pytest.mark.parametrize("action", ["fly", "", 7, None, "x" * 20_000])
def test_malformed_commands_are_outcomes(action):
    env = gym.make("Minecraft/ApproachTree-v0", observation="text", world_size=32)
    env.reset(seed=0)
    observation, reward, terminated, truncated, info = env.step(action)
    assert observation in env.observation_space
    assert (reward, terminated, truncated) == (-1.0, False, False)
    assert info["invalid_action"]
    assert isinstance(info["parse_error"], str)
    assert info["metrics"]["ticks"] == 1
    assert env.step("wait 3")[4]["parse_error"] is None


def test_an_episode_is_as_long_as_another_one():
    env = gym.make("Minecraft/ApproachTree-v0", observation="text", world_size=32, task="approach_cow")
    env.reset(seed=0)
    ends = [env.step("wait 400")[3] for _ in range(2)]
    assert ends == [False, True]
    assert env.unwrapped.simulator.world.counts[0, w.TICKS] == 500


def test_every_check_passes_with_text():
    assert quintain.check("Minecraft/ApproachTree-v0", {"observation": "text", "world_size": 32}).ok


def test_a_language_agent_plays_through_evaluate():
    """A script reads the text as a model would: it walks to the log that is seen, and turns where none is."""

    def act(observation, info):
        if "log" not in observation.split("You see: ")[1].split(".")[0]:
            return "Nothing yet.\nAction: turn right 45" if "You turned" not in observation else "forward 6"
        return "face log" if "You turned" not in observation else "Action: forward 4"

    report = quintain.evaluate(
        "Minecraft/ApproachTree-v0", FunctionAgent(act), episodes=4, seed=1, env_kwargs={"observation": "text"}
    )
    assert report.errors == 0
    assert report.outcomes["success"] >= 1


def test_text_has_no_voxels_and_vectors_of_text_are_made():
    with pytest.raises(ConfigurationError, match="no voxel_size"):
        gym.make("Minecraft/Task-v0", observation="text", rays="default")
    envs = gym.make_vec("Minecraft/Task-v0", num_envs=2, observation="text", world_size=32)
    observations, _ = envs.reset(seed=0)
    assert observations[0].startswith("Task: obtain 1 log.")
    _, _, _, _, infos = envs.step(("forward 2", "nonsense"))
    assert [bool(flag) for flag in infos["invalid_action"]] == [False, True]
