"""What people type is written to no cache."""

import torch

from har.live.typed_words import TypedWords
from har.text.encoder import SentenceEncoder


def test_typed_words_are_encoded_alike_and_leave_no_trace(tmp_path):
    cached = SentenceEncoder(cache_folder=tmp_path / "cache")
    words = TypedWords(cached, ["walking", "sitting"])
    assert words.fingerprint == cached.fingerprint
    found = words.encode(["walking"])
    kept = sorted(path for path in (tmp_path / "cache").rglob("*") if path.is_file())
    assert len(kept) == 1
    typed = words.encode(["walking", "a secret"])
    words.encode(["another secret"])
    assert sorted(path for path in (tmp_path / "cache").rglob("*") if path.is_file()) == kept
    assert b"secret" not in kept[0].read_bytes()
    plain = SentenceEncoder().encode(["walking", "a secret"])
    for part, expected in zip(typed, plain, strict=True):
        assert torch.allclose(part.float(), expected.float(), atol=1e-5)
    assert torch.allclose(found.pooled, plain.pooled[:1], atol=1e-5)
