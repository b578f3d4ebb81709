"""Search over the steps of a solution: trees (one core, MCTS* on it, its rivals, step labels, pages), and a critic."""

from quintain.agents.search.agent import MCTSStarAgent
from quintain.agents.search.critic_search import CriticSearchAgent, Verdict
from quintain.agents.search.labels import Label, label_tree, next_value
from quintain.agents.search.mcts_star import MCTSStarSettings, end_leaves, mcts_star, weighted_vote
from quintain.agents.search.page import tree_page
from quintain.agents.search.problem import Problem, SearchBudget, Step
from quintain.agents.search.rivals import beam_search, best_of_n
from quintain.agents.search.selection import UCT, Selection, back_up, descend
from quintain.agents.search.tree import END, Node, Tree

__all__ = [
    "END",
    "UCT",
    "CriticSearchAgent",
    "Label",
    "MCTSStarAgent",
    "MCTSStarSettings",
    "Node",
    "Problem",
    "SearchBudget",
    "Selection",
    "Step",
    "Tree",
    "Verdict",
    "back_up",
    "beam_search",
    "best_of_n",
    "descend",
    "end_leaves",
    "label_tree",
    "mcts_star",
    "next_value",
    "tree_page",
    "weighted_vote",
]
