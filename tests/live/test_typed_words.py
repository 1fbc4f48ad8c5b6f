"""What people type is written to no cache."""

import torch

from har.live.typed_words import TypedWords, keep_typed_words_private
from har.network.loading import load_label_bank, load_model
from har.recognition.live import LiveRecogniser
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


def test_no_label_and_no_placement_that_is_typed_comes_to_disk(tmp_path):
    model, checkpoint, path = load_model("default", "cpu")
    bank = load_label_bank(checkpoint, "cpu", path)
    cached = SentenceEncoder(cache_folder=tmp_path / "cache")
    model.sentence_encoder = cached
    bank.attach(cached)
    keep_typed_words_private(model, bank)
    live = LiveRecogniser(["walking"], model, bank)
    live.set_labels(["walking", "a secret"])
    live.set_placement("a secret pocket")
    kept = [path.read_bytes() for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert kept and not [content for content in kept if b"secret" in content]


def test_words_that_were_read_are_not_encoded_again(monkeypatch):
    model, checkpoint, path = load_model("default", "cpu")
    bank = load_label_bank(checkpoint, "cpu", path)
    keep_typed_words_private(model, bank)
    live = LiveRecogniser(["walking"], model, bank)
    live.read(["walking", "juggling with fire"], "the hood of a jacket")
    live.read(["a tea ceremony"])

    def computed(self, texts):
        raise AssertionError(f"{texts} are encoded in the wrong thread")

    monkeypatch.setattr(SentenceEncoder, "_compute", computed)
    live.set_labels(["walking", "juggling with fire"])
    live.set_labels(["a tea ceremony", "juggling with fire", "walking"])
    live.set_placement("the hood of a jacket")
