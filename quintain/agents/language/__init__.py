"""Agents that ask a language model for every action."""

from quintain.agents.language.chat import ChatAgent
from quintain.agents.language.few_shot import few_shot_messages
from quintain.agents.language.prompts import ALL_CODE, ALL_TEXT, CODE_INTERPRETER
from quintain.agents.language.react import ReactAgent
from quintain.agents.language.respondent import RespondentAgent
from quintain.agents.language.styles import AllCodeAgent, AllTextAgent, CodeInterpreterAgent
from quintain.agents.language.tool_caller import ToolCallerAgent

__all__ = [
    "ALL_CODE",
    "ALL_TEXT",
    "CODE_INTERPRETER",
    "AllCodeAgent",
    "AllTextAgent",
    "ChatAgent",
    "CodeInterpreterAgent",
    "ReactAgent",
    "RespondentAgent",
    "ToolCallerAgent",
    "few_shot_messages",
]
