"""Make the pictures of the documentation: run what they show, and take screenshots with headless Chromium.

python scripts/pictures.py             # all of them
python scripts/pictures.py games       # those that are named
python scripts/pictures.py --again     # repeat the runs, too

Runs go to runs/pictures, and are used again. All together they take about ten CPU minutes, most of them for
``robustness`` (two policies are trained and attacked) and ``report`` (a language model answers 64 questions). What a
picture shows depends on the versions of the libraries: look at every picture before you commit it.
"""

from __future__ import annotations

import argparse
import io
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
RUNS = ROOT / "runs" / "pictures"
QUINTAIN = str(Path(sys.executable).with_name("quintain"))
#: Files in docs/images that this script does not make -> where they come from.
OTHERS = {
    "neural-search.svg": "a CPU second: papers/systematic_neural_search/run.py --figure docs/images/neural-search.svg",
    "neural-search-second.svg": "the same command",
    "rooms.svg": "drawn by hand",
    "homeostatic.png": "2 CPU minutes: papers/homeostatic_nn/run.py --starts 0.03 --figure docs/images/homeostatic.png",
    "four-habits.svg": "160 CPU minutes: see docs/papers/four_habits.md; --figure docs/images/four-habits.svg",
    "model-surgery.png": "3 CPU minutes: papers/model_surgery/run.py --figure docs/images/model-surgery.png",
    "rat.svg": "40 CPU minutes: quintain papers run rat_targeted_attack --programme short --figure docs/images/rat.svg",
    "r1-training.svg": "two CPU hours: see docs/papers/r1_code_interpreter.md; --figure docs/images/r1-training.svg",
}
#: Width of a page in a screenshot, in CSS pixels.
WIDTH = 1180
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def quintain(folder: str, command: str, *, again: bool = False) -> Path:
    """Run ``quintain COMMAND -o runs/pictures/FOLDER`` unless the folder has a page, and return the folder."""
    out = RUNS / folder
    if again:
        shutil.rmtree(out, ignore_errors=True)
    if not (out / "report.html").exists():
        shutil.rmtree(out, ignore_errors=True)
        print(f"pictures: quintain {command}", flush=True)
        cache = {"QUINTAIN_CACHE": str(out / "cache")} if command.startswith("robustness") else {}
        subprocess.run(
            [QUINTAIN, *shlex.split(command), "-o", str(out)], check=True, cwd=ROOT, env={**os.environ, **cache}
        )
    return out


def screenshot(url: str, height: int, width: int = WIDTH) -> bytes:
    """Return the page as it looks in a window of that size, as PNG."""
    browser = next((found for name in _BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        sys.exit(f"pictures: a browser is needed, one of {', '.join(_BROWSERS)}")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "page.png")
        subprocess.run(
            [
                *(browser, "--headless", "--no-sandbox", "--hide-scrollbars", "--disable-gpu"),
                *("--virtual-time-budget=10000", f"--window-size={width},{height}", f"--screenshot={file}", url),
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )
        return file.read_bytes()


def part_of(page: Path, hidden: str) -> str:
    """Return the address of a copy of a page without the elements that the CSS selector ``hidden`` names."""
    copy = page.with_name("part.html")
    style = f"<style>{hidden} {{ display: none !important }} body {{ padding-top: 0 }}</style>"
    copy.write_text(page.read_text(encoding="utf-8").replace("</head>", f"{style}</head>", 1), encoding="utf-8")
    return copy.as_uri()


def save(name: str, png: bytes, *, crop: bool = True) -> None:
    """Write a picture with a palette of 256 colours, without the empty space below."""
    from PIL import Image, ImageChops

    image = Image.open(io.BytesIO(png)).convert("RGB")
    if crop:
        background = Image.new("RGB", image.size, image.getpixel((0, image.height - 1)))
        box = ImageChops.difference(image, background).getbbox()
        if box is not None:
            image = image.crop((0, 0, image.width, min(image.height, box[3] + 24)))
    image.quantize(256, dither=Image.Dither.NONE).save(IMAGES / name, optimize=True)
    print(f"pictures: docs/images/{name}, {(IMAGES / name).stat().st_size // 1024} KB", flush=True)


def report(again: bool) -> None:
    """Make the report of a small language model that answers by programs, and one of its transcripts."""
    run = quintain(
        "report",
        "eval CodeReason-v0 -a all-code --tasks chain_sum,products,number_multiply,boolean_expressions "
        "--difficulty easy -n 64 --env-arg max_turns=3 --agent-arg max_tokens=96 --agent-arg temperature=0",
        again=again,
    )
    save("report.png", screenshot((run / "report.html").as_uri(), 1352), crop=False)
    episodes = part_of(run / "report.html", ".top, main > section:not(#episodes), footer")
    save("code-reason.png", screenshot(f"{episodes}#episode=2", 900))


def question_answering(again: bool) -> None:
    """Make the episodes of a run on a data set."""
    run = quintain(
        "questions",
        "eval QuestionAnswering-v0 -a chat --tasks examples/questions.csv -e scorer=contains -e group_by=subject "
        "--agent-arg max_tokens=48 --agent-arg temperature=0",
        again=again,
    )
    episodes = part_of(run / "report.html", ".top, main > section:not(#episodes), footer")
    save("question-answering.png", screenshot(f"{episodes}#episode=0", 860))


def games(again: bool) -> None:
    """Make the page of a sweep over games in which a small language model plays."""
    run = quintain("games", "games sweep --agent llm-player --games 12 --rounds 10", again=again)
    save("games.png", screenshot((run / "report.html").as_uri(), 1000), crop=False)


def tournament(again: bool) -> None:
    """Make the page of a tournament of strategies."""
    run = quintain(
        "tournament",
        "tournament --players tit-for-tat,grim,win-stay-lose-shift,zd-extort,always-defect,random --noise 0.02 "
        "--rounds 100 --repetitions 20",
        again=again,
    )
    save("tournament.png", screenshot((run / "report.html").as_uri(), 1182), crop=False)


def match(again: bool) -> None:
    """Make the page on which a person plays."""
    from quintain.experiments.games import GameServer

    with GameServer("tit-for-tat", env={"game": "stag_hunt", "rounds": 10}) as server:
        save("repeated-game.png", screenshot(server.url, 900, 860))


def robustness(again: bool) -> None:
    """Make the page of make demo-robustness."""
    run = quintain(
        "robustness",
        "robustness slide-handle reach --policy-steps 100000 --scenario opposite --attack mad --attack sa-rl "
        "--attack rat --epsilon 0.05,0.1,0.15 --attack-steps sa-rl=50000 --attack-steps rat=16000 --train-at 0.15 "
        "--episodes 30 --seeds 0 --videos",
        again=again,
    )
    save("robustness.png", screenshot((run / "report.html").as_uri(), 1590), crop=False)


def tabletop(again: bool) -> None:
    """Make the beginning, middle and end of an episode of the scripted controller, for each task."""
    os.environ.setdefault("MUJOCO_GL", "egl")
    import gymnasium as gym
    import numpy as np
    from PIL import Image

    import quintain  # noqa: F401  # registers the environments

    for task in ("Reach", "Push", "SlideHandle", "TurnLever"):
        env = gym.make(f"Tabletop/{task}-v0", render_mode="rgb_array")
        env.reset(seed=1)
        frames = [env.render()]
        while not env.step(env.unwrapped.solution())[3]:
            frames.append(env.render())
        shown = np.concatenate([frame[90:410, 40:440] for frame in (frames[0], frames[6], frames[-1])], axis=1)
        buffer = io.BytesIO()
        Image.fromarray(shown).save(buffer, "PNG")
        env.close()
        name = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in task)
        save(f"tabletop{name}.png", buffer.getvalue(), crop=False)


def rewards(again: bool) -> None:
    """Draw designed rewards on the grids of Room and LineKey."""
    from quintain.envs.tabular import line_key, room
    from quintain.rewards.shaping import design_exprd, design_potential, draw_reward

    for name, mdp in (("room", room()), ("line-key", line_key())):
        for kind, found in (("exprd", design_exprd(mdp)), ("pbrs", design_potential(mdp))):
            buffer = io.BytesIO()
            draw_reward(mdp, found.rewards, buffer, title={"exprd": "EXPRD, B = 5", "pbrs": "PBRS"}[kind])
            save(f"reward-{name}-{kind}.png", buffer.getvalue(), crop=False)


def minecraft(again: bool) -> None:
    """Draw four first-person views of the voxel simulator, each with its map."""
    import gymnasium as gym
    import numpy as np
    from PIL import Image

    import quintain  # noqa: F401  # registers the environments
    from quintain.envs.minecraft.kernels import world as w

    #: Task, seed, place (x, y above the start, z), yaw, pitch, time of the day.
    views = (
        ("ApproachCow", 4, None, None, 14, 1500),
        ("Task", 11, (0.0, 6.0, 0.0), 100, 20, 3000),
        ("ExploreDiamond", 13, (0.5, 7.2, 4.5), 180, 12, 1000),
        ("Task", 21, (0.0, 8.0, 0.0), -90, 15, 11800),
    )
    frames = []
    for task, seed, place, yaw, pitch, time in views:
        env = gym.make(f"Minecraft/{task}-v0", render_mode="rgb_array").unwrapped
        env.reset(seed=seed)
        world = env.simulator.world
        body, mobs = world.body[0], world.mobs[0]
        if place is None:  # before a cow
            dx, dz = 2.6, -2.2
            body[[w.X, w.Y, w.Z]] = mobs[0, w.MX] + dx, mobs[0, w.MY] + 0.2, mobs[0, w.MZ] + dz
            yaw = float(np.degrees(np.arctan2(dx, -dz)))
        elif task == "ExploreDiamond":
            body[[w.X, w.Y, w.Z]] = place
        else:
            body[w.Y] += place[1]
        body[w.YAW], body[w.PITCH], world.counts[0, w.TIME] = yaw, pitch, time
        frames.append(env.render())
    shown = np.vstack([np.hstack(frames[:2]), np.hstack(frames[2:])])
    buffer = io.BytesIO()
    small = Image.fromarray(shown).resize((960, 540), Image.Resampling.BOX)
    small.quantize(256, kmeans=3, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
    save("minecraft.png", buffer.getvalue(), crop=False)


def meta_world(again: bool) -> None:
    """Make the beginning, middle and end of an episode of Meta-World's scripted policy, in its own environment."""
    python = ROOT / ".venv-metaworld" / "bin" / "python"
    if not python.exists():
        print("pictures: meta-world is left out; it needs sh scripts/metaworld_venv.sh", flush=True)
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "frames.npy")
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "MUJOCO_GL": os.environ.get("MUJOCO_GL", "egl")}
        subprocess.run([python, "-c", _META_WORLD, file], check=True, env=environment)
        import numpy as np
        from PIL import Image

        buffer = io.BytesIO()
        Image.fromarray(np.load(file)).resize((1200, 400)).save(buffer, "PNG")
    save("meta-world.png", buffer.getvalue(), crop=False)


_META_WORLD = """
import sys
import gymnasium as gym, numpy as np, quintain
from quintain.envs.mujoco.metaworld import expert
env = gym.make("MetaWorld/MT1-v0", task="drawer-open-v3", render_mode="rgb_array")
policy = expert("drawer-open-v3")
observation, info = env.reset(seed=0)
frames, success = [env.render()], 0
while success < 20:
    observation, _, _, truncated, info = env.step(policy(observation))
    frames.append(env.render())
    success += info["success"]
    assert not truncated
shown = [frames[0], frames[len(frames) // 2], frames[-1]]
np.save(sys.argv[1], np.concatenate(shown, axis=1))
"""


def ordinal(again: bool) -> None:
    """Draw the ordinal games by family, as SVG."""
    from quintain.envs.games import FAMILIES, family_of

    colours = dict(
        zip(
            FAMILIES.values(),
            ("#3f9b73", "#4a74b4", "#c9832b", "#b8545f", "#8067b0", "#7a7f87", "#4a4a4a"),
            strict=True,
        )
    )
    size, left, top = 30, 60, 34
    parts = []
    for row in range(1, 13):
        parts.append(f'<text x="{left - 8}" y="{top + size * row - 10}" text-anchor="end">{row}</text>')
        parts.append(f'<text x="{left + size * row - size / 2}" y="{top - 6}" text-anchor="middle">{row}</text>')
        for column in range(1, 13):
            family = FAMILIES[family_of(row, column)]
            parts.append(
                f'<rect x="{left + size * (column - 1)}" y="{top + size * (row - 1)}" width="{size - 2}" '
                f'height="{size - 2}" rx="3" fill="{colours[family]}">'
                f"<title>ordinal_{row}_{column}: {family}</title></rect>"
            )
    for number, (family, colour) in enumerate(colours.items()):
        y = top + 30 * number
        parts.append(f'<rect x="{left + size * 12 + 18}" y="{y}" width="14" height="14" rx="3" fill="{colour}"/>')
        parts.append(f'<text x="{left + size * 12 + 38}" y="{y + 12}">{family}</text>')
    parts.append(f'<text x="{left + size * 6}" y="14" text-anchor="middle">column</text>')
    parts.append(
        f'<text x="14" y="{top + size * 6}" transform="rotate(-90 14 {top + size * 6})" text-anchor="middle">row</text>'
    )
    body = "\n".join(parts)
    (IMAGES / "ordinal-games.svg").write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 620 {top + size * 12 + 6}" font-family="sans-serif" '
        f'font-size="12" fill="#77808c">\n{body}\n</svg>\n',
        encoding="utf-8",
    )
    print("pictures: docs/images/ordinal-games.svg", flush=True)


#: Name on the command line -> what makes the pictures, and their files.
PICTURES: dict[str, tuple[Callable[[bool], None], Sequence[str]]] = {
    "report": (report, ("report.png", "code-reason.png")),
    "question-answering": (question_answering, ("question-answering.png",)),
    "games": (games, ("games.png",)),
    "tournament": (tournament, ("tournament.png",)),
    "match": (match, ("repeated-game.png",)),
    "robustness": (robustness, ("robustness.png",)),
    "tabletop": (
        tabletop,
        ("tabletop-reach.png", "tabletop-push.png", "tabletop-slide-handle.png", "tabletop-turn-lever.png"),
    ),
    "rewards": (
        rewards,
        ("reward-room-exprd.png", "reward-room-pbrs.png", "reward-line-key-exprd.png", "reward-line-key-pbrs.png"),
    ),
    "minecraft": (minecraft, ("minecraft.png",)),
    "meta-world": (meta_world, ("meta-world.png",)),
    "ordinal": (ordinal, ("ordinal-games.svg",)),
}


def main() -> None:
    """Make the pictures that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(PICTURES)}; default: all")
    parser.add_argument("--again", action="store_true", help="repeat the runs that are there")
    options = parser.parse_args()
    for name in options.names or PICTURES:
        if name not in PICTURES:
            parser.error(f"there is no {name!r}; known: {', '.join(PICTURES)}")
        PICTURES[name][0](options.again)


if __name__ == "__main__":
    main()
