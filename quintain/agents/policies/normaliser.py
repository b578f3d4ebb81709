"""Normalisation of observations by the frozen running statistics of training."""

from __future__ import annotations

import math
import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from quintain.errors import ConfigurationError, require

__all__ = ["Normaliser", "load_vecnormalize"]


@dataclass(frozen=True, slots=True, eq=False)
class Normaliser:
    """x = clip((s - mean) / scale, -clip, clip), with frozen statistics, of which it keeps copies.

    Attributes:
        mean: Mean of each observation entry, shape ``(d,)``.
        scale: Shape ``(d,)``, > 0: the standard deviation in training, with its epsilon: sqrt(var + eps).
        clip: Bound on the absolute normalised values, > 0. Default: infinite. Stable-Baselines3 uses 10.

    Raises:
        ConfigurationError: If the shapes differ or a scale is not positive and finite.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    clip: float = field(default=math.inf)

    def __post_init__(self) -> None:
        mean, scale = (np.array(v, dtype=np.float64).reshape(-1) for v in (self.mean, self.scale))
        if mean.shape != scale.shape:
            raise ConfigurationError(f"a normaliser needs as many means as scales, got {mean.shape} and {scale.shape}")
        if not (np.isfinite(mean).all() and np.isfinite(scale).all() and (scale > 0).all() and self.clip > 0):
            raise ConfigurationError("a normaliser needs finite means, finite scales > 0 and clip > 0")
        object.__setattr__(self, "mean", mean)
        object.__setattr__(self, "scale", scale)

    @classmethod
    def from_vecnormalize(cls, source: Any) -> Self:
        """Make one of the observation statistics of SB3's ``VecNormalize``, or of a file that its ``save`` wrote.

        Such a file is a pickle, which can run code: load only files that you trust.

        Those of dictionaries of observations are put side by side, in the order of their space.

        Raises:
            ConfigurationError: If it does not normalise observations, or only some entries of a dictionary.
        """
        if isinstance(source, (str, Path)):
            source = load_vecnormalize(source)
        if not getattr(source, "norm_obs", False):
            raise ConfigurationError("expected a VecNormalize with norm_obs=True")
        statistics = [source.obs_rms]
        if isinstance(source.obs_rms, dict):
            if missing := set(source.observation_space.spaces) - set(source.obs_rms):
                raise ConfigurationError(
                    f"the VecNormalize leaves out {sorted(missing)} (norm_obs_keys); train with all entries normalised"
                )
            statistics = [source.obs_rms[name] for name in source.observation_space.spaces]
        mean, var = (np.concatenate([np.ravel(getattr(s, name)) for s in statistics]) for name in ("mean", "var"))
        return cls(mean, np.sqrt(var + source.epsilon), float(source.clip_obs))

    @property
    def dimension(self) -> int:
        """Length d of the observations."""
        return len(self.mean)

    def __call__(self, observations: NDArray[Any]) -> NDArray[np.float64]:
        """Normalise observations of shape ``(n, d)``."""
        return np.maximum(np.minimum(self.standardise(observations), self.clip), -self.clip)

    def standardise(self, observations: NDArray[Any]) -> NDArray[np.float64]:
        """Return (s - mean) / scale, without the clip, for observations of shape ``(n, d)``."""
        return np.asarray((observations - self.mean) / self.scale)


def load_vecnormalize(path: str | Path) -> Any:
    """Load what SB3's ``VecNormalize.save`` wrote: a pickle, which can run code, so load only files that you trust.

    Raises:
        ConfigurationError: If there is no such file, or it holds something else.
    """
    wrappers = require("stable_baselines3.common.vec_env", "rl", "VecNormalize files")
    source = Path(path)
    if not source.is_file():
        raise ConfigurationError(f"no normaliser statistics at {str(source)!r}")
    with source.open("rb") as file:
        loaded = pickle.load(file)
    if not isinstance(loaded, wrappers.VecNormalize):
        raise ConfigurationError(f"{str(source)!r} holds a {type(loaded).__name__}, not a VecNormalize")
    return loaded
