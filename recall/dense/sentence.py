"""A sentence encoder of a folder: words are cut by its tokenizer, its network is run by ONNX Runtime."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from searchrank.errors import ConfigError, DataError, NotFoundError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["SentenceEncoder", "digest_of"]

FILES: Final = ("model.onnx", "tokenizer.json")
MAX_TOKENS: Final = 256
"""Tokens of a text that are encoded."""


class SentenceEncoder:
    """Makes one vector of a text: what the network says of it, or the mean of what it says of its tokens."""

    def __init__(self, session: Any, tokenizer: Any, fingerprint: str) -> None:
        """Hold an opened network.

        Args:
            session: Of ONNX Runtime.
            tokenizer: Of ``tokenizers``.
            fingerprint: Digest of their files.
        """
        self.fingerprint = fingerprint
        self._session = session
        self._tokenizer = tokenizer
        self._names = [one.name for one in session.get_inputs()]

    @classmethod
    def open(cls, folder: str | Path) -> SentenceEncoder:
        """Open ``model.onnx`` and ``tokenizer.json``; the fingerprint is a digest of both.

        Raises:
            NotFoundError: When a file is not there.
            DataError: When one cannot be read.
            ConfigError: When a library is not installed.
        """
        files, fingerprint = _files(folder), digest_of(folder)
        try:
            import onnxruntime  # noqa: PLC0415 - an extra
            import tokenizers  # noqa: PLC0415 - an extra
        except ImportError:
            message = "a sentence encoder needs libraries: pip install 'searchrank[dense]'"
            raise ConfigError(message, field="recall.dense.encoder") from None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        try:
            session = onnxruntime.InferenceSession(str(files[0]), options, providers=["CPUExecutionProvider"])
            tokenizer = tokenizers.Tokenizer.from_file(str(files[1]))
        except Exception as error:  # both libraries raise classes of their own that share no other base
            raise DataError(f"the sentence encoder in {folder} cannot be opened: {error}") from error
        tokenizer.enable_truncation(MAX_TOKENS)
        tokenizer.no_padding()  # many files ask for it, which makes a short text as dear as a long one
        return cls(session, tokenizer, fingerprint)

    def encode(self, text: str) -> npt.NDArray[np.float32] | None:
        """Return the vector of a text; None for one without tokens."""
        cut = self._tokenizer.encode(text)
        if not cut.ids:
            return None
        given = {"input_ids": cut.ids, "attention_mask": cut.attention_mask, "token_type_ids": cut.type_ids}
        fed = {name: np.array([given[name]], np.int64) for name in self._names}
        out = np.asarray(self._session.run(None, fed)[0][0], np.float32)
        if out.ndim == 1:
            return out
        mask = np.array(cut.attention_mask, np.float32)
        pooled: npt.NDArray[np.float32] = (out * mask[:, None]).sum(axis=0) / max(float(mask.sum()), 1.0)
        return pooled


def digest_of(folder: str | Path) -> str:
    """Return the fingerprint of the encoder in a folder, without opening it.

    Raises:
        NotFoundError: When a file is not there.
    """
    whole = hashlib.sha256()
    for path in _files(folder):
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()[:16]


def _files(folder: str | Path) -> list[Path]:
    files = [Path(folder) / name for name in FILES]
    for file in files:
        if not file.is_file():
            raise NotFoundError(f"the sentence encoder needs {file}")
    return files
