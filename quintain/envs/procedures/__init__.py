"""Procedure-v0: find the step that breaks a procedure, while it is performed."""

from quintain.envs.procedures.aggregation import (
    centred_modes,
    deduplicate,
    sliding_modes,
    step_similarity,
    window_modes,
)
from quintain.envs.procedures.frames import FrameSettings, FrameSource, Video
from quintain.envs.procedures.graph import Procedure
from quintain.envs.procedures.released import ReleasedVideo, load_context, load_predictions
from quintain.envs.procedures.scores import DetectionCounts
from quintain.envs.procedures.transcripts import MISTAKES, Noise, Transcript, perform, perform_wrongly
from quintain.envs.procedures.world import ENCODINGS, ProcedureWorld, WorldSettings, make_world

__all__ = [
    "ENCODINGS",
    "MISTAKES",
    "DetectionCounts",
    "FrameSettings",
    "FrameSource",
    "Noise",
    "Procedure",
    "ProcedureWorld",
    "ReleasedVideo",
    "Transcript",
    "Video",
    "WorldSettings",
    "centred_modes",
    "deduplicate",
    "load_context",
    "load_predictions",
    "make_world",
    "perform",
    "perform_wrongly",
    "sliding_modes",
    "step_similarity",
    "window_modes",
]
