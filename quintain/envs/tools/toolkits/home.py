"""Devices at home."""

from __future__ import annotations

from typing import Literal, NamedTuple

from quintain.envs.tools.draw import Draw
from quintain.envs.tools.tool import ToolError, reads, writes
from quintain.envs.tools.toolkit import Toolkit

__all__ = ["Device", "Home"]

#: Minutes that a program takes.
PROGRAM = 3
_ROOMS = ("bedroom", "hall", "kitchen", "living room", "office")


class Device(NamedTuple):
    """A device; ``started`` is the minute in which its program began, -1 for none."""

    id: str
    room: str
    kind: str
    on: bool
    level: int
    started: int


class Home(Toolkit):
    """Lamps, heaters, blinds and machines at home."""

    name = "home"

    def __init__(self) -> None:
        super().__init__()
        self.devices = self.table("device", Device, free=("started",))

    def populate(self, rng: Draw) -> None:
        """Install a lamp and a heater in five rooms, and a washing machine and a dishwasher."""
        for room in _ROOMS:
            on = rng.integer(0, 1) == 1
            self.devices.add(room, "lamp", on, rng.integer(1, 10) * 10, -1, key=f"{room.replace(' ', '-')}-lamp")
            warm = rng.integer(0, 1) == 1
            self.devices.add(room, "heater", warm, rng.integer(16, 24), -1, key=f"{room.replace(' ', '-')}-heater")
        self.devices.add("kitchen", "machine", False, 0, -1, key="dishwasher")
        self.devices.add("hall", "machine", False, 0, -1, key="washing-machine")

    def of(self, kind: str, on: bool | None = None) -> list[Device]:
        """Return the devices of a kind that are on, off, or either."""
        return [d for d in self.devices if d.kind == kind and on in (None, d.on)]

    @reads
    def devices_in(self, room: str) -> list[dict[str, object]]:
        """List the devices of a room.

        Args:
            room: Name of the room, or ``all``.
        """
        found = [d for d in self.devices if room in ("all", d.room)]
        return [{"id": d.id, "on": d.on, "level": d.level} for d in found]

    @reads
    def status(self, id: str) -> dict[str, object]:
        """Show a device, and how long its program still takes.

        Args:
            id: Id of the device.
        """
        device = self.devices[id]
        shown: dict[str, object] = {"id": id, "room": device.room, "on": device.on, "level": device.level}
        if device.started >= 0:
            left = max(0, device.started + PROGRAM - self.clock.minutes)
            shown["program"] = "finished" if left == 0 else f"running, {left} minutes left"
        return shown

    @writes
    def switch(self, id: str, on: bool) -> str:
        """Switch a lamp or a heater on or off.

        Args:
            id: Id of the device.
            on: Whether it is to be on.
        """
        if self.devices[id].kind == "machine":
            raise ToolError("a machine is started with home_start")
        self.devices.change(id, on=on)
        return f"{id} is {'on' if on else 'off'}"

    @writes
    def set_level(self, id: str, level: int) -> str:
        """Set the brightness of a lamp, in percent, or the temperature of a heater, in degrees.

        Args:
            id: Id of the device.
            level: 0 to 100 for lamps, 10 to 30 for heaters.
        """
        kind = self.devices[id].kind
        low, high = (10, 30) if kind == "heater" else (0, 100)
        if kind == "machine" or not low <= level <= high:
            raise ToolError(f"the level of a {kind} must be from {low} to {high}")
        self.devices.change(id, level=level)
        return f"{id} is at {level}"

    @writes
    def start(self, id: str, program: Literal["short", "long"] = "short") -> str:
        """Start the program of a machine.

        Args:
            id: Id of the machine.
            program: Which program.
        """
        device = self.devices[id]
        if device.kind != "machine":
            raise ToolError(f"{id} is no machine")
        if device.on:
            raise ToolError(f"{id} is running already")
        self.devices.change(id, on=True, level=1 if program == "short" else 2, started=self.clock.minutes)
        return f"{id} runs the {program} program"
