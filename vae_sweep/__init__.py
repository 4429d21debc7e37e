"""The service: sweeps of text VAEs on Ray Tune, searched by Optuna, logged to MLflow.

For Python and notebooks it has `launch`, `load_sweep`, `Sweep` and `VaeSweepError` (docs/python.md), each loaded
at its first use. All else is private and may change with any version.
"""

from typing import TYPE_CHECKING, Any

__all__ = ["Sweep", "VaeSweepError", "launch", "load_sweep"]

if TYPE_CHECKING:
    from vae_sweep.api import Sweep, VaeSweepError, launch, load_sweep
else:

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}")
        from vae_sweep import api

        return getattr(api, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
