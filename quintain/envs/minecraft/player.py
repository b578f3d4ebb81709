"""Playing text commands: each becomes a number of steps of the simulator, and a line that says what happened."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from quintain.envs.minecraft.actions import FUNCTIONS, NO_OP
from quintain.envs.minecraft.commands import MAX_ACTION_CHARS, RULES, Command, MalformedCommand, parse_command
from quintain.envs.minecraft.items import ITEM_ID
from quintain.envs.minecraft.kernels import world as w
from quintain.envs.minecraft.kernels.rays import sight
from quintain.envs.minecraft.recipes import CRAFTS, RECIPES
from quintain.envs.minecraft.simulator import Simulator
from quintain.envs.minecraft.text_view import describe_world, look_for_things
from quintain.envs.minecraft.views import ITEM_NAMES
from quintain.errors import UnknownNameError

__all__ = ["Played", "TextPlayer"]

_WINDS = {"south": 0.0, "west": 90.0, "north": 180.0, "east": -90.0}
#: Steps after which digging is given up; obsidian by hand takes five times as long.
_DIG_STEPS = 1200
#: Ticks between two hits of ``attack``: a mob cannot be hurt again earlier.
_HIT_TICKS = 10


@dataclass
class Played:
    """What a command led to.

    Attributes:
        observation: The result of the command, and the world after it.
        reward: Sum of the task's rewards.
        success: Whether the task was done.
        problem: What is wrong with the command; empty for a command that was understood.
        expired: Whether the task's number of steps was reached.
        damage: Sum of the damage taken, in points of health.
    """

    observation: str = ""
    reward: float = 0.0
    success: bool = False
    problem: str = ""
    expired: bool = False
    damage: float = 0.0


class TextPlayer:
    """Plays commands in world 0 of a simulator.

    Args:
        simulator: The simulator, stepped by this player alone.
        max_steps: Number of the simulator's steps after which an episode expires.
    """

    def __init__(self, simulator: Simulator, max_steps: int) -> None:
        self._simulator, self._max_steps = simulator, max_steps
        self._active = np.ones(1, np.bool_)
        self._played, self._steps = Played(), 0
        self._verbs: dict[str, Callable[[Command], str]] = {
            **dict.fromkeys(("forward", "back", "left", "right", "sprint"), self._walk),
            **dict.fromkeys(("place", "equip", "destroy"), self._with_slot),
            "turn": self._turn, "look": self._look, "face": self._face, "wait": self._wait, "jump": self._jump,
            "dig": self._dig, "attack": self._attack, "use": self._use, "craft": self._craft, "drop": self._drop,
        }  # fmt: skip

    def restart(self) -> str:
        """Begin an episode, and return its first observation: task, rules, and the world."""
        self._steps = 0
        return f"Task: {self._simulator.task.prompt}.\n\n{RULES}\n\n{describe_world(self._simulator)}"

    def play(self, action: Any) -> Played:
        """Play one command; what is none lets a tick pass."""
        self._played = Played()
        try:
            if not isinstance(action, str) or len(action) > MAX_ACTION_CHARS:
                shown = f"{len(action):,} characters" if isinstance(action, str) else repr(type(action).__name__)
                raise MalformedCommand(f"expected text of at most {MAX_ACTION_CHARS:,} characters, got {shown}")
            command = parse_command(action)
        except MalformedCommand as error:
            self._do()
            self._played.problem = str(error)
            result = f"No command: {error}."
        else:
            health = self._body[w.HP]
            result = self._verbs[command.verb](command)
            if self._body[w.HP] < health:
                result += f" You lost {health - self._body[w.HP]:.0f} health."
            if self._simulator.is_dead(0):
                result += f" You died: {w.CAUSES[self._count[w.DEAD]]}."
            elif self._played.success:
                result += " The task is done."
        self._played.observation = f"{result}\n\n{describe_world(self._simulator)}"
        return self._played

    @property
    def _body(self) -> Any:
        return self._simulator.world.body[0]

    @property
    def _count(self) -> Any:
        return self._simulator.world.counts[0]

    def _do(self, function: str = "none", **parts: int) -> bool:
        """Make one step, unless the episode is over; return whether the action was possible and it goes on."""
        played = self._played
        if self._over():
            return False
        action = np.array(NO_OP, np.int64)
        action[5] = FUNCTIONS.index(function)
        for name, value in parts.items():
            action[("walk", "strafe", "third", "pitch", "yaw", "", "craft", "slot").index(name)] = value
        self._simulator.step(action[None], self._active)
        self._steps += 1
        played.reward += float(self._simulator.rewards[0])
        played.success = played.success or bool(self._simulator.succeeded[0])
        played.damage += float(self._simulator.damage()[0])
        played.expired = self._steps >= self._max_steps
        return not self._count[w.FAILED]

    def _over(self) -> bool:
        over = self._played.success or self._played.expired or self._simulator.is_dead(0)
        return over or bool(self._simulator.failures[0])

    def _walk(self, command: Command) -> str:
        moves = {"forward": (1, 0), "sprint": (1, 0), "back": (2, 0), "left": (0, 1), "right": (0, 2)}
        walk, strafe = moves[command.verb]
        third, health = (3 if command.verb == "sprint" else 0), self._body[w.HP]
        x, z = self._body[w.X], self._body[w.Z]
        gone, stuck = 0.0, 0
        for _ in range(8 * command.number + 20):
            self._do(walk=walk, strafe=strafe, third=1 if stuck else third)
            before, gone = gone, math.hypot(self._body[w.X] - x, self._body[w.Z] - z)
            stuck = stuck + 1 if gone - before < 0.02 else 0
            if gone >= command.number - 0.1 or self._over():
                return f"You went {gone:.1f} blocks."
            if self._body[w.HP] < health:
                return f"You stopped after {gone:.1f} blocks."
            if stuck > 14:
                break
        return f"Something is in the way: you went {gone:.1f} blocks."

    def _turn(self, command: Command) -> str:
        angle = {"around": 180, "right": command.number, "left": -command.number}[command.name]
        return self._rotate(angle, 0)

    def _look(self, command: Command) -> str:
        level = -self._body[w.PITCH]
        return self._rotate(0, {"ahead": level, "down": command.number, "up": -command.number}[command.name])

    def _rotate(self, turn: float, drop: float) -> str:
        """Turn to the right and downwards by angles, rounded to bins of 15 degrees."""
        yaw = min(max(round(turn / 15), -12), 12)
        pitch = min(max(round(drop / 15), -12), 12)
        self._do(yaw=12 + yaw, pitch=12 + pitch)
        parts = [f"{'right' if yaw > 0 else 'left'} {abs(15 * yaw)}"] if yaw else []
        parts += [f"{'down' if pitch > 0 else 'up'} {abs(15 * pitch)}"] if pitch else []
        return f"You turned {' and '.join(parts)}." if parts else "You already look there."

    def _face(self, command: Command) -> str:
        if command.name in _WINDS:
            turn = (_WINDS[command.name] - self._body[w.YAW] + 180.0) % 360.0 - 180.0
            return self._rotate(turn, 0)
        names = {command.name, {"tree": "log", "diamond": "diamond_ore"}.get(command.name, "")}
        for thing in look_for_things(self._simulator):
            if thing.name in names:
                return self._rotate(thing.turn, thing.drop)
        self._do()
        return f"No {command.name} is in view."

    def _wait(self, command: Command) -> str:
        health = self._body[w.HP]
        for _ in range(command.number):
            self._do()
            if self._over() or self._body[w.HP] < health:
                break
        return "You waited."

    def _jump(self, command: Command) -> str:
        for _ in range(command.number):
            for _ in range(12):
                self._do(third=1)
        return "You jumped."

    def _dig(self, command: Command) -> str:
        block, *cell, _, row = self._sight()
        if row >= 0 or block == 0:
            self._do("attack")
            return "A mob is in the way." if row >= 0 else "No block is within reach."
        mined = self._count[w.MINED]
        for _ in range(_DIG_STEPS):
            self._do("attack")
            if self._count[w.MINED] > mined:
                self._wait(Command("wait", "", 12))  # until what it drops can be picked up
                return "The block broke."
            if self._over() or list(self._sight()[1:4]) != cell:
                break
        return "The block did not break."

    def _sight(self) -> tuple[int, int, int, int, int, int]:
        world = self._simulator.world
        found: tuple[int, int, int, int, int, int] = sight(
            world.blocks[0], world.body[0], world.mobs[0], w.REACH, w.MOB_REACH
        )
        return found

    def _attack(self, command: Command) -> str:
        kills, hits = self._count[w.KILLS : w.KILLS + 5].sum(), 0
        for _ in range(command.number):
            hits += self._sight()[5] >= 0
            self._do("attack")
            for _ in range(_HIT_TICKS):
                self._do()
        killed = int(self._count[w.KILLS : w.KILLS + 5].sum() - kills)
        return f"{hits} of {command.number} hits reached a mob." + (f" You killed {killed}." if killed else "")

    def _use(self, command: Command) -> str:
        before = self._simulator.world.slots[0, 0].copy()
        self._do("use")
        changed = (before != self._simulator.world.slots[0, 0]).any()
        return "You used it." if changed else "Nothing happened."

    def _with_slot(self, command: Command) -> str:
        slots, name = self._simulator.world.slots[0], command.name
        held = [k for k in range(36) if slots[k, 0] and ITEM_NAMES[slots[k, 0]] == name]
        if not held:
            self._do()
            return f"You carry no {name}."
        if command.verb == "equip" and held[0] == 0 and not self._simulator.masks()[0, 252]:
            self._do()
            return f"The {name} is in your hand."
        done = self._do(command.verb, slot=held[0])
        past = {"place": "placed", "equip": "equipped", "destroy": "destroyed"}[command.verb]
        if done or self._over():
            return f"You {past} the {name}."
        return f"You cannot {command.verb} the {name} here."

    def _craft(self, command: Command) -> str:
        ways = [k for k in RECIPES if CRAFTS[k] == command.name]
        if not ways:
            self._do()
            known = UnknownNameError("recipe", command.name, {CRAFTS[k] for k in RECIPES})
            return f"Nothing is crafted: {known}."
        mask = self._simulator.masks()[0]
        possible = [k for k in ways if mask[8 + k]]
        self._do("craft", craft=(possible or ways)[0])
        recipe, have = RECIPES[(possible or ways)[0]], self._simulator.world.have[0]
        if possible:
            return f"You made {recipe.count} {recipe.makes}."
        needs = ", ".join(f"{n} {name} (you have {have[ITEM_ID[name]]})" for name, n in recipe.needs.items())
        place = {"hand": "", "table": ", a crafting table within reach", "furnace": ", a furnace within reach and fuel"}
        return f"Nothing is crafted: {recipe.makes} needs {needs}{place[recipe.place]}."

    def _drop(self, command: Command) -> str:
        dropped = sum(self._do("drop") for _ in range(command.number))
        return f"You dropped {dropped}." if dropped else "Your hand is empty."
