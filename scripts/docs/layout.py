"""The order of the site: its sections, and the public modules with the names that each documents."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import sources


class Public(NamedTuple):
    """A module of the reference.

    Attributes:
        name: Its dotted name; everything in its ``__all__`` is documented.
        also: Names that are part of its interface but live in internal modules, as full paths.
        only: If given, these names of ``__all__`` and no others.
    """

    name: str
    also: tuple[str, ...] = ()
    only: tuple[str, ...] = ()


#: Folders of the site, in order: the pages that come first, then the others by title.
SECTIONS = {
    "Tutorial": ("tutorial", ["first-evaluation.md", "own-task.md", "own-agent.md"]),
    "How-to": (
        "how-to",
        [
            *("install.md", "command-line.md", "own-environment.md", "data-sets.md", "chat-agents.md", "engines.md"),
            *(
                "tools-and-code.md",
                "repeats.md",
                "test-time.md",
                "calibration.md",
                "compare.md",
                "read-the-report.md",
                "export.md",
            ),
            "loggers.md",
            *("videos.md", "pixels.md", "resume.md", "replay.md", "scale.md", "rewards.md"),
            "design-rewards.md",
            *("train-with-stable-baselines3.md", "train-with-cleanrl.md", "train-with-rllib.md", "train-with-trl.md"),
            *("serve.md", "audit.md", "self-improvement.md", "edit-a-model.md"),
            *("potential.md", "games.md", "minecraft.md", "robustness.md", "attack-language-agents.md"),
        ],
    ),
    "Environments": (
        "environments",
        [
            *("index.md", "code-reason.md", "question-answering.md", "openenv.md", "repair.md", "tool-use.md"),
            *("agentdojo.md", "tool-chain.md", "critique.md"),
            "questionnaire.md",
            *(
                "self-correct.md",
                "deception.md",
                "concept-shift.md",
                "procedure.md",
                "repeated-game.md",
                "named-games.md",
            ),
            *("prisoners-dilemma.md", "prisoners-dilemma-classic.md", "battle-of-the-sexes.md", "stag-hunt.md"),
            *("chicken.md", "deadlock.md", "matching-pennies.md", "rock-paper-scissors.md", "public-goods.md"),
            *("tabletop-reach.md", "tabletop-push.md", "tabletop-slide-handle.md", "tabletop-turn-lever.md"),
            *("maze.md", "key-door.md", "sparse-goal.md"),
            *("tabular-room.md", "tabular-chain.md", "tabular-line-key.md"),
            *("minecraft-approach-tree.md", "minecraft-explore-diamond.md", "minecraft-approach-cow.md"),
            *("minecraft-approach-sheep.md", "minecraft-approach-pig.md", "minecraft-approach-chicken.md"),
            *("minecraft-obtain-diamond.md", "minecraft-survival.md", "minecraft-task.md"),
        ],
    ),
    "Explanation": ("explanation", ["contracts.md", "statistics.md"]),
}
#: The Python reference: heading -> modules, in the order in which a reader meets them.
REFERENCE: dict[str, list[Public]] = {
    "Start here": [Public("quintain")],
    "Evaluate": [
        Public(
            "quintain.evaluation",
            (
                *("quintain.envs.making.EnvLike", "quintain.evaluation.failures.OnErrors"),
                *("quintain.evaluation.repeats.Majority", "quintain.evaluation.aggregate.RunScore"),
                *("quintain.evaluation.job.DEFAULT_MAX_STEPS", "quintain.evaluation.tabular.Tabular"),
                *("quintain.evaluation.aggregate.aggregate", "quintain.evaluation.aggregate.Aggregate"),
                *("quintain.evaluation.minari.to_minari", "quintain.evaluation.observations.load_observations"),
                "quintain.evaluation.requests.requests_of",
            ),
        ),
        Public("quintain.evaluation.statistics"),
        Public("quintain.evaluation.significance"),
        Public("quintain.evaluation.calibration"),
        Public("quintain.evaluation.html"),
        Public("quintain.evaluation.executors"),
    ],
    "Agents": [
        Public(
            "quintain.agents",
            (
                *("quintain.agents.agent.UsesSolution", "quintain.agents.agent.UsesEngine"),
                *("quintain.agents.agent.RequiresSettings", "quintain.agents.agent.Interactive"),
                *("quintain.agents.agent.Batched", "quintain.agents.agent.ChecksSeat"),
                *("quintain.agents.agent.Described", "quintain.agents.agent.Closing"),
                *("quintain.agents.agent.UsesSimulator", "quintain.agents.agent.Simulator"),
                "quintain.agents.agent.Simulated",
                "quintain.agents.registry.AgentFacts",
                *("quintain.agents.scripted.OracleAgent", "quintain.agents.scripted.RandomAgent"),
                *("quintain.agents.human.HumanAgent", "quintain.agents.replay.ReplayAgent"),
            ),
        ),
        Public(
            "quintain.agents.language",
            (
                *("quintain.agents.language.codesteer.CodeSteerAgent", "quintain.agents.language.few_shot.FewShot"),
                "quintain.agents.language.history.HistoryLimits",
            ),
        ),
        Public(
            "quintain.agents.reasoning",
            (
                *("quintain.agents.reasoning.feedback.SignalKind", "quintain.agents.reasoning.budget.Ledger"),
                *("quintain.agents.reasoning.sampler.sample", "quintain.agents.reasoning.evaluations.TokenProbability"),
                *("quintain.agents.reasoning.confidence.TOKEN_SCORES", "quintain.agents.reasoning.verification.Fuse"),
                "quintain.agents.reasoning.verification.VerifiesSteps",
            ),
        ),
        Public("quintain.agents.reasoning.votes"),
        Public("quintain.agents.reasoning.masking"),
        Public("quintain.agents.reasoning.backward"),
        Public("quintain.agents.reasoning.agreement"),
        Public("quintain.agents.search"),
        Public(
            "quintain.agents.search.swe",
            (
                *("quintain.agents.search.swe.policies.Policy", "quintain.agents.search.swe.policies.Proposal"),
                "quintain.agents.search.swe.debate.Answer",
            ),
        ),
        Public(
            "quintain.agents.games",
            (
                "quintain.agents.games.prompts.CoverStory",
                "quintain.agents.games.prompts.COVER_STORIES",
            ),
        ),
        Public("quintain.agents.games.learners"),
        Public("quintain.agents.policies"),
        Public("quintain.agents.online.hebbian", ("quintain.agents.online.hebbian.motor.Motor",)),
        Public(
            "quintain.agents.anticipation",
            (
                "quintain.agents.anticipation.language.StepAnticipator",
                "quintain.agents.anticipation.language.StepAnticipatorSettings",
            ),
        ),
        Public("quintain.agents.online.homeostatic", ("quintain.agents.online.homeostatic.network.Networks",)),
        Public("quintain.agents.online.grid"),
        Public("quintain.agents.online.walks"),
    ],
    "Environments": [
        Public("quintain.envs.checker"),
        Public("quintain.envs.protocols"),
        Public("quintain.envs.vector"),
        Public("quintain.envs.code_reason", ("quintain.envs.code_reason.splits.TEST_FAMILIES",)),
        Public("quintain.envs.text.task"),
        Public("quintain.envs.text.forms"),
        Public("quintain.envs.text.draws"),
        Public("quintain.envs.question_answering"),
        Public("quintain.envs.deception"),
        Public("quintain.monitored_replies"),
        Public("quintain.envs.repair", ("quintain.envs.repair.session.StepResult",)),
        Public("quintain.envs.questionnaires"),
        Public("quintain.envs.self_correct"),
        Public("quintain.envs.tabular"),
        Public("quintain.envs.concept_shift"),
        Public("quintain.envs.procedures"),
        Public("quintain.envs.tools"),
        Public("quintain.envs.tools.agentdojo", only=("SUITES", "agentdojo_attacks")),
        Public("quintain.envs.critique"),
        Public(
            "quintain.envs.games",
            (
                *("quintain.envs.games.rules.RulesInfo", "quintain.envs.games.rules.Unit"),
                *("quintain.envs.games.canonical.GameLike", "quintain.envs.games.seat_interface.View"),
            ),
        ),
        Public("quintain.envs.minecraft.tasks", only=("NAMED", "Task", "find_task")),
        Public("quintain.envs.minecraft.blocks", only=("BLOCKS", "Block")),
        Public("quintain.envs.minecraft.items", only=("ITEMS", "Item")),
        Public("quintain.envs.minecraft.recipes", only=("CRAFTS", "RECIPES", "Recipe")),
        Public("quintain.envs.minecraft.views", only=("BLOCK_NAMES", "ITEM_NAMES", "MOB_NAMES", "DEFAULT_RAYS")),
        Public("quintain.envs.minecraft.vector_env"),
        Public("quintain.envs.navigation.layouts"),
        Public("quintain.envs.navigation.batch"),
        Public("quintain.envs.navigation.pictures"),
        Public("quintain.envs.navigation.systems"),
        Public("quintain.envs.mujoco.metaworld", only=("OPPOSITES", "expert")),
    ],
    "Rewards": [
        Public("quintain.rewards"),
        Public("quintain.rewards.designer", ("quintain.rewards.designer.critic.Reviewer",)),
        Public("quintain.rewards.self_monitor"),
        Public("quintain.rewards.shaping"),
        Public("quintain.reward_signature"),
        Public(
            "quintain.rewards.verification",
            (
                *("quintain.rewards.verification.statements.Language", "quintain.rewards.verification.formaliser.Ask"),
                *(
                    "quintain.rewards.verification.backend.VerdictOutcome",
                    "quintain.rewards.verification.scores.Fusion",
                ),
                *("quintain.rewards.verification.scores.StateScore", "quintain.rewards.verification.training.Epoch"),
                *(
                    "quintain.rewards.verification.registry.AggregatorLike",
                    "quintain.rewards.verification.aggregator.one_hot",
                ),
                *("quintain.rewards.verification.assistants.AssistantBackend",),
            ),
        ),
        Public("quintain.rewards.verification.expressions"),
    ],
    "Language models": [
        Public(
            "quintain.engines",
            (
                *("quintain.engines.request.EngineCapability", "quintain.engines.request.FinishReason"),
                "quintain.engines.request.ContrastLayers",
            ),
        ),
        Public("quintain.messages"),
    ],
    "Attacks": [
        Public(
            "quintain.attacks",
            (
                *("quintain.attacks.budget.Norm", "quintain.attacks.perturbation.Sees"),
                *("quintain.attacks.contract.Touches", "quintain.attacks.observation.Options"),
                *("quintain.attacks.disturbance.Disturbance", "quintain.attacks.registry.AttackFactory"),
                *("quintain.attacks.action.ActionKind", "quintain.attacks.adversary_envs.AdversaryKind"),
                *("quintain.attacks.reward.RewardKind", "quintain.attacks.dynamics.DynamicsKind"),
                *("quintain.attacks.dynamics.Quantity", "quintain.attacks.perturbation.Surface"),
                *("quintain.attacks.rat.training.TrainedRAT", "quintain.attacks.rat.baseline.TrainedBaseline"),
                *("quintain.attacks.surrogate.TrainedSurrogate", "quintain.attacks.surrogate.BlackBox"),
                *("quintain.attacks.adversary.ADVERSARY_PPO", "quintain.attacks.schedule.ALWAYS"),
            ),
        ),
        Public("quintain.attacks.malfunction"),
        Public("quintain.attacks.defences", ("quintain.attacks.defences.settings.Progress",)),
    ],
    "Training": [
        Public(
            "quintain.training",
            (
                *("quintain.training.sources.Worlds", "quintain.training.sources.Problems"),
                "quintain.training.sources.Matches",
                "quintain.training.trained.Trained",
            ),
        ),
        Public("quintain.training.recognition"),
        Public(
            "quintain.training.control",
            (
                *("quintain.training.control.settings.PPOSettings", "quintain.training.control.settings.AdamSettings"),
                *("quintain.training.control.recipes.RECIPES", "quintain.training.control.recipes.Recipe"),
            ),
        ),
        Public("quintain.training.control.reference"),
        Public("quintain.training.control.train_rewarded"),
        Public("quintain.training.control.reward_worlds"),
        Public("quintain.training.control.reward_evidence"),
        Public("quintain.training.control.bonus"),
        Public("quintain.training.control.tabular"),
        Public("quintain.training.control.tabular_learners"),
        Public("quintain.training.control.tabular_runs"),
        Public("quintain.training.reward_search"),
        Public("quintain.training.reward_plans"),
        Public("quintain.training.self_play"),
        Public("quintain.training.language.grpo"),
        Public("quintain.training.language.grpo_settings"),
        Public("quintain.training.language.critic_settings"),
        Public("quintain.training.language.score"),
        Public("quintain.training.language.score_settings"),
        Public("quintain.training.language.score_traces"),
        Public("quintain.training.language.cot_monitor"),
        Public("quintain.training.language.cot_monitor_settings"),
        Public("quintain.training.language.b_star"),
        Public("quintain.training.language.b_star_settings"),
        Public("quintain.training.language.b_star_selection"),
        Public("quintain.training.language.self_evolution"),
        Public("quintain.training.language.self_evolution_settings"),
        Public("quintain.training.language.self_dialogue"),
        Public("quintain.training.language.labellers"),
        Public("quintain.training.language.rest_mcts"),
        Public("quintain.training.language.rest_mcts_settings"),
        Public("quintain.training.language.value_model"),
        Public("quintain.training.language.value_settings"),
        Public("quintain.training.language.spc"),
        Public("quintain.training.language.spc_settings"),
        Public("quintain.training.language.spc_loss"),
        Public("quintain.training.language.critique_lessons"),
        Public("quintain.training.language.phase_settings"),
        Public("quintain.training.language.sft"),
        Public("quintain.training.language.settings"),
        Public("quintain.training.language.advantages"),
        Public("quintain.training.language.rollouts"),
        Public("quintain.training.language.sequences"),
        Public("quintain.training.language.nano"),
        Public("quintain.training.language.nano_recipes"),
        Public("quintain.training.language.teachers", only=("Teacher", "audit_reasoning")),
        Public("quintain.training.language.trl_adapter"),
        Public("quintain.training.language.curriculum"),
        Public("quintain.training.language.habits"),
        Public("quintain.training.language.behaviour_probe"),
        Public("quintain.training.language.labelled_texts"),
        Public("quintain.training.language.surgery"),
        Public("quintain.training.language.surgery_edit"),
        Public("quintain.training.language.p_ik"),
    ],
    "Experiments": [
        Public(
            "quintain.experiments.games",
            (
                *(
                    "quintain.experiments.games.standings.PairwiseTests",
                    "quintain.experiments.games.people.ConditionTest",
                ),
                *("quintain.experiments.games.person.PersonMatch", "quintain.experiments.games.solvers.FolkRegion"),
                "quintain.experiments.games.solvers.MixedProfile",
                "quintain.experiments.games.matches.MatchesExperiment",
            ),
        ),
        Public("quintain.experiments.games.metrics"),
        Public("quintain.experiments.games.tournament_figures"),
        Public("quintain.experiments.robustness"),
        Public("quintain.experiments.malfunction", ("quintain.experiments.malfunction.breakdown.Breakdown",)),
        Public("quintain.experiments.deception"),
        Public("quintain.experiments.questionnaire"),
        Public("quintain.experiments.repair_search"),
        Public("quintain.experiments.learning"),
        Public("quintain.experiments.learning_plot"),
        Public("quintain.experiments.learning_study"),
        Public("quintain.experiments.online_learning"),
    ],
    "Serving": [Public("quintain.serving"), Public("quintain.serving.audit")],
    "Sandbox": [
        Public("quintain.sandbox", ("quintain.sandbox.result.Exceeded", "quintain.sandbox.function.FunctionStatus")),
        Public("quintain.sandbox.backend"),
        Public("quintain.sandbox.designed_reward"),
        Public("quintain.sandbox.reward_program"),
        Public("quintain.sandbox.reward_source"),
        Public("quintain.sandbox.reward_file"),
    ],
    "Vocabulary": [
        Public("quintain.errors"),
        Public("quintain.mdp"),
        Public("quintain.spaces"),
        Public("quintain.seeding"),
        Public("quintain.records"),
        Public("quintain.registry"),
    ],
}


def names_of(module: Public) -> list[str]:
    """Return the public paths of the names that a module documents, those of internal modules last."""
    return [*(f"{module.name}.{name}" for name in module.only or sources.exports(module.name)), *module.also]


@cache
def homes() -> dict[str, str]:
    """Map where each public name is defined to the path under which the reference describes it.

    A name that several modules export belongs to the first of them.
    """
    found: dict[str, str] = {}
    for module in public_modules():
        for path in names_of(module):
            found.setdefault(sources.home(path), path)
    return found


def target(path: str) -> str:
    """Return the identifier under which the reference describes a name, given any path to it.

    That is its public path. If this path also names a module, such as compare.py, it is the path of its definition.
    """
    home, name = sources.home(path), path.rpartition(".")[2]
    return home if home.endswith(f".{name}.{name}") else homes().get(home, path)


def public_modules() -> list[Public]:
    """Return the modules of the reference, in order."""
    return [module for modules in REFERENCE.values() for module in modules]
