"""A program of a test: trainings that several processes share. Arguments: model, folder, names of trainings."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import torch
from text_worlds import SayLetter, teacher

from quintain import evaluate
from quintain.engines import make_engine
from quintain.training.language.grpo import train_grpo
from quintain.training.language.grpo_settings import GRPOSettings
from quintain.training.language.settings import OptimizerSettings
from quintain.training.language.sft import SFTSettings, train_sft
from quintain.training.language.trl_trainer import Processes
from quintain.training.sources import Worlds


def train(name, model, folder):
    here = Processes.here()
    engine = make_engine("transformers", model=model, max_batch=128)
    fast = OptimizerSettings(learning_rate=2e-3)
    method, _, loss = name.partition("-")
    if method == "grpo":
        settings = GRPOSettings(
            iterations=3, num_prompts=4, num_generations=4, steps_per_generation=1, max_completion_length=3,
            save_every=1, loss_type=loss, optimizer=fast, dynamic_sampling=1, baseline="batch", eval_every=3,
            eval_episodes=4, pass_k=2,
        )  # fmt: skip
        train_grpo(
            engine, Worlds(SayLetter, {"turns": 2, "fail": 0.2}), settings, out=folder, resume=folder.exists(),
            evaluation=Worlds(SayLetter),
        )  # fmt: skip
    else:
        lessons = evaluate(SayLetter, teacher, episodes=24, env_kwargs={"turns": 2}, progress=False).episodes
        train_sft(
            engine, lessons, SFTSettings(num_train_epochs=1, batch_size=8, log_every=1, optimizer=fast), out=folder
        )
    torch.save(engine.model.state_dict(), folder.with_name(f"{folder.name}-{here.rank}.pt"))
    engine.close()


def main(model, folder, *names):
    for name in names:
        train(name, model, Path(folder) / name)


if __name__ == "__main__":
    main(*sys.argv[1:])
