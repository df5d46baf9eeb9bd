"""List-wise neural rankers: trained by PyTorch, exported to ONNX, served without PyTorch.

Stability: what is listed in ``__all__`` is public and kept. PyTorch and ONNX are imported when a network is trained.
"""

from trainer.neural.model import NeuralModel, train_network
from trainer.neural.settings import NetworkSettings, settings_of

__all__ = ["NetworkSettings", "NeuralModel", "settings_of", "train_network"]
