"""Hardness, tools, drops and recipes against the minecraft-data package, where ``MINECRAFT_DATA`` names its folder.

``npm pack minecraft-data`` gives the package; the folder is ``minecraft-data/data/pc/1.11`` in it.
"""

import json
import os
from pathlib import Path

import pytest

from quintain.envs.minecraft.blocks import BLOCKS
from quintain.envs.minecraft.items import ITEM_ID, ITEMS
from quintain.envs.minecraft.recipes import BY_HAND, CRAFTS, IN_FURNACE, RECIPES

FOLDER = os.environ.get("MINECRAFT_DATA", "")


@pytest.fixture(scope="module")
def data():
    if not FOLDER:
        pytest.skip("MINECRAFT_DATA does not name the folder of minecraft-data")
    read = {name: json.loads(Path(FOLDER, f"{name}.json").read_text()) for name in ("blocks", "items", "recipes")}
    read["names"] = {entry["id"]: entry["name"] for entry in (*read["items"], *read["blocks"])}
    return read


def test_the_craft_arguments_are_minedojos():
    assert (len(BY_HAND), len(CRAFTS), len(IN_FURNACE)) == (54, 244, 20)
    for part in (CRAFTS[:54], CRAFTS[54:224], CRAFTS[224:]):
        assert list(part) == sorted(part)


def test_every_name_of_a_recipe_is_an_item_and_every_drop_too():
    for recipe in RECIPES.values():
        assert {recipe.makes, *recipe.needs} <= set(ITEM_ID)
    assert {block.drop for block in BLOCKS if block.drop} <= set(ITEM_ID)
    assert len(ITEM_ID) == len(ITEMS)


def test_hardness_and_tiers(data):
    known = {block["name"]: block for block in data["blocks"]}
    tiers = {"wooden": 1, "golden": 1, "stone": 2, "iron": 3, "diamond": 4}
    for block in BLOCKS:
        if block.liquid or block.name in ("air", "barrier", "bedrock"):
            continue
        entry = known[block.name]
        assert block.hardness == entry["hardness"], block.name
        tools = [data["names"][int(number)] for number in entry.get("harvestTools") or ()]
        needed = min((tiers[name.split("_")[0]] for name in tools), default=0)
        assert block.tier == needed, (block.name, tools)


def test_recipes(data):
    from collections import Counter

    numbers = {name: number for number, name in data["names"].items()}
    compared = 0
    for number, recipe in RECIPES.items():
        if number >= 224 or recipe.makes not in numbers:
            continue  # minecraft-data lists no smelting, and iron nuggets came with 1.11.1
        found = []
        for entry in data["recipes"].get(str(numbers[recipe.makes]), ()):
            cells = [cell for row in entry.get("inShape", [entry.get("ingredients", [])]) for cell in row]
            ids = [cell["id"] if isinstance(cell, dict) else cell for cell in cells]
            needs = Counter(data["names"][i] for i in ids if i is not None and i != -1)
            found.append((entry["result"]["count"], {name.replace("log2", "log"): n for name, n in needs.items()}))
        if found:
            compared += 1
        assert not found or (recipe.count, dict(recipe.needs)) in found, (recipe.makes, found)
    assert compared > 60
