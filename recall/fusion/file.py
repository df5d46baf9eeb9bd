"""A fusion section in a file of its own, as ``searchrank fusion fit`` writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml
from pydantic import ValidationError

from recall.fusion.config import FusionConfig
from searchrank.errors import ConfigError, NotFoundError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["fusion_text", "read_fusion"]


def read_fusion(path: Path) -> FusionConfig:
    """Read it.

    Raises:
        NotFoundError: When it cannot be read.
        ConfigError: When it is no such section.
    """
    try:
        return FusionConfig.model_validate(yaml.safe_load(path.read_text()))
    except OSError as error:
        raise NotFoundError(f"cannot read {path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not YAML: {error}") from None
    except ValidationError as error:
        told = "; ".join(
            f"{'.'.join(map(str, e['loc']))}: {e['msg'].removeprefix('Value error, ')}" for e in error.errors()
        )
        raise ConfigError(f"{path} is no fusion section: {told}") from None


def fusion_text(fusion: FusionConfig) -> str:
    """Return it as it is written under ``recall.fusion``; what is as by default is left out."""
    return yaml.safe_dump(fusion.model_dump(exclude_defaults=True), sort_keys=False, default_flow_style=None, width=120)
