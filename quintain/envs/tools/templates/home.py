"""Tasks for devices at home."""

from __future__ import annotations

from quintain.envs.tools.draw import Draw
from quintain.envs.tools.template import Request, TemplateSet, call, number_in
from quintain.envs.tools.toolkits.home import PROGRAM, Home

__all__ = ["HOME"]

HOME = TemplateSet("home")


@HOME.add
def switch(rng: Draw, home: Home) -> Request:
    """Switch a lamp."""
    lamp = rng.choice(home.of("lamp"))
    word = "off" if lamp.on else "on"
    return Request(
        f"Switch the lamp in the {lamp.room} {word}.",
        [call("home_devices_in", room=lamp.room), call("home_switch", id=lamp.id, on=not lamp.on)],
        lambda answer: home.devices[lamp.id].on != lamp.on,
    )


@HOME.add
def temperature(rng: Draw, home: Home) -> Request:
    """Set a temperature."""
    heater = rng.choice(home.of("heater"))
    level = rng.choice([t for t in range(15, 26) if t != heater.level])
    return Request(
        f"Set the heater in the {heater.room} to {level} degrees.",
        [call("home_devices_in", room=heater.room), call("home_set_level", id=heater.id, level=level)],
        lambda answer: home.devices[heater.id].level == level,
    )


@HOME.add
def dim(rng: Draw, home: Home) -> Request:
    """Set a brightness."""
    lamp, level = rng.choice(home.of("lamp")), rng.integer(1, 9) * 10 + 5
    return Request(
        f"Dim the lamp in the {lamp.room} to {level} percent.",
        [call("home_devices_in", room=lamp.room), call("home_set_level", id=lamp.id, level=level)],
        lambda answer: home.devices[lamp.id].level == level,
    )


@HOME.add
def all_lamps_off(rng: Draw, home: Home) -> Request:
    """Switch all lamps off."""
    first = home.of("lamp")[0]
    home.devices.change(first.id, on=True)
    burning = home.of("lamp", on=True)
    return Request(
        "Switch off all lamps that are on.",
        [call("home_devices_in", room="all"), *(call("home_switch", id=lamp.id, on=False) for lamp in burning)],
        lambda answer: not home.of("lamp", on=True),
    )


@HOME.add
def how_warm(rng: Draw, home: Home) -> Request:
    """Tell a temperature."""
    heater = rng.choice(home.of("heater"))
    return Request(
        f"To how many degrees is the heater in the {heater.room} set? Answer with the number.",
        [call("home_devices_in", room=heater.room)],
        lambda answer: number_in(answer, heater.level),
        str(heater.level),
    )


@HOME.add
def count_on(rng: Draw, home: Home) -> Request:
    """Count the heaters that are on."""
    number = len(home.of("heater", on=True))
    return Request(
        "How many heaters are on? Answer with the number.",
        [call("home_devices_in", room="all")],
        lambda answer: number_in(answer, number),
        str(number),
    )


@HOME.add
def start_machine(rng: Draw, home: Home) -> Request:
    """Start a machine."""
    machine, program = rng.choice(("dishwasher", "washing-machine")), rng.choice(("short", "long"))
    return Request(
        f"Start the {machine.replace('-', ' ')} with the {program} program.",
        [call("home_start", id=machine, program=program)],
        lambda answer: (home.devices[machine].on, home.devices[machine].level) == (True, 1 + (program == "long")),
    )


@HOME.add
def wait_for_machine(rng: Draw, home: Home) -> Request:
    """Start a machine, and poll until it has finished."""
    machine = rng.choice(("dishwasher", "washing-machine"))
    return Request(
        f"Start the {machine.replace('-', ' ')} with the short program, and look at its status until the program has "
        "finished. Then answer: finished.",
        [call("home_start", id=machine, program="short"), *[call("home_status", id=machine)] * PROGRAM],
        lambda answer: home.devices[machine].on and home.clock.minutes > PROGRAM and "finished" in answer.lower(),
        "finished",
    )


@HOME.add
def coldest(rng: Draw, home: Home) -> Request:
    """Warm the coldest room."""
    levels = rng.sample(range(16, 25), 5)
    for heater, level in zip(home.of("heater"), levels, strict=True):
        home.devices.change(heater.id, level=level)
    coldest = min(home.of("heater"), key=lambda heater: heater.level)
    return Request(
        "Set the heater with the lowest temperature to 25 degrees.",
        [call("home_devices_in", room="all"), call("home_set_level", id=coldest.id, level=25)],
        lambda answer: [heater.id for heater in home.of("heater") if heater.level == 25] == [coldest.id],
    )
