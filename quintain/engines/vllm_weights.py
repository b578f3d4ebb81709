"""What vLLM's own processes run for us: loading weights that were trained elsewhere."""

from __future__ import annotations

from typing import Any

__all__ = ["WeightLoader"]


class WeightLoader:
    """Extension of vLLM's workers (``worker_extension_cls``): its methods are theirs.

    Attributes:
        model_runner: vLLM's runner, which holds the model.
    """

    model_runner: Any

    def load_quintain_weights(self, path: str) -> None:
        """Load the weights of a safetensors file, under the names of the model's ``transformers`` class."""
        from safetensors import safe_open

        with safe_open(path, framework="pt") as file:
            self.model_runner.model.load_weights((name, file.get_tensor(name)) for name in file.keys())  # noqa: SIM118
