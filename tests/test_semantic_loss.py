"""Alignment losses against a double loop in plain floats, independent libraries, closed forms and properties."""

import math
from dataclasses import dataclass

import pytest
import torch
import torch.nn.functional as F
from info_nce import InfoNCE
from pytorch_metric_learning.losses import NTXentLoss, SupConLoss

from training_scripts.human_activity_recognition import semantic_loss
from training_scripts.human_activity_recognition.memory_bank import MemoryBank
from training_scripts.human_activity_recognition.semantic_loss import (
    InfoNCELoss,
    SemanticAlignmentLoss,
    SigLIPLoss,
    distillation_loss,
)

VARIANTS = ("hard", "soft", "supcon", "siglip")
TEMPERATURE, SOFT_TEMPERATURE, SOFT_WEIGHT, SIGLIP_BIAS = 0.2, 0.4, 0.3, -10.0
BATCH_LABELS = [0, 1, 0, 2, 3, 1]  # a label occurs several times in a batch, and again in the queue
QUEUE_LABELS = [2, 0, 4, 4, 1]
LABELS, WIDTH, TARGET_WIDTH = 5, 6, 7


@dataclass
class Inputs:
    imu: torch.Tensor
    text: torch.Tensor
    imu_queue: torch.Tensor | None = None
    text_queue: torch.Tensor | None = None
    text_targets: torch.Tensor | None = None
    queue_targets: torch.Tensor | None = None
    undecided: torch.Tensor | None = None  # (2, batch, batch + queue)

    def call(self, criterion, return_metrics=False):
        targets = {"text_targets": self.text_targets, "queue_targets": self.queue_targets}
        if self.undecided is not None:
            targets["undecided"] = tuple(self.undecided)
        return criterion(self.imu, self.text, self.imu_queue, self.text_queue, return_metrics, **targets)

    def map(self, change):
        return Inputs(**{name: None if value is None else change(name, value) for name, value in vars(self).items()})


def make_inputs(seed=0, prototypes=None, queue=True, targets=True, queue_prototypes=None):
    """Windows and label texts with repeated labels; the text of a label is the same in batch and queue."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    table = normal(LABELS, prototypes, WIDTH) if prototypes else normal(LABELS, WIDTH)
    frozen = normal(LABELS, TARGET_WIDTH) + 1.0
    inputs = Inputs(imu=normal(len(BATCH_LABELS), WIDTH), text=table[BATCH_LABELS])
    if targets:
        inputs.text_targets = frozen[BATCH_LABELS]
    if queue:
        inputs.imu_queue = normal(len(QUEUE_LABELS), WIDTH)
        inputs.text_queue = table[QUEUE_LABELS]
        if prototypes and not queue_prototypes:
            inputs.text_queue = inputs.text_queue.mean(dim=1)
        if targets:
            inputs.queue_targets = frozen[QUEUE_LABELS]
    return inputs


def make_criterion(variant, temperature=TEMPERATURE):
    return SemanticAlignmentLoss(temperature, variant, SOFT_TEMPERATURE, SOFT_WEIGHT).double()


# ---- The oracle: formulas of the papers as loops over plain Python floats ------------------------------------------


def _cosine(a, b):
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / (math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(x * x for x in b)))


def _logit(window, prototypes, scale):
    return math.log(sum(math.exp(scale * _cosine(window, p)) for p in prototypes) / len(prototypes))


def _unit_mean(prototypes):
    units = [[x / math.sqrt(sum(y * y for y in p)) for x in p] for p in prototypes]
    return [sum(column) / len(units) for column in zip(*units, strict=True)]


def _as_lists(inputs):
    """Windows, prototype lists and label targets of the batch and of [batch, queue]."""

    def prototypes(text):
        return [] if text is None else [p if isinstance(p[0], list) else [p] for p in text.tolist()]

    windows = inputs.imu.tolist() + ([] if inputs.imu_queue is None else inputs.imu_queue.tolist())
    texts = prototypes(inputs.text) + prototypes(inputs.text_queue)
    if inputs.text_targets is None:
        targets = [_unit_mean(p) for p in texts]
    else:
        targets = inputs.text_targets.tolist() + ([] if inputs.queue_targets is None else inputs.queue_targets.tolist())
    return windows, texts, targets


def oracle(variant, inputs, temperature=TEMPERATURE):
    windows, texts, targets = _as_lists(inputs)
    batch, columns, scale = len(inputs.imu), len(windows), 1 / temperature
    same = [[_cosine(targets[i], targets[j]) >= 1 - 1e-4 for j in range(columns)] for i in range(batch)]
    given = [[[False] * columns] * batch] * 2 if inputs.undecided is None else inputs.undecided.tolist()
    sums, entropy = {"loss_imu_to_text": 0.0, "loss_text_to_imu": 0.0}, 0.0
    for i in range(batch):
        positives = sum(same[i])
        to_text = [_logit(windows[i], texts[j], scale) for j in range(columns)]
        to_imu = [_logit(windows[j], texts[i], scale) for j in range(columns)]
        for name, logits, pairs in (("loss_imu_to_text", to_text, given[0]), ("loss_text_to_imu", to_imu, given[1])):
            kept = [j for j in range(columns) if same[i][j] or not pairs[i][j]]
            soft = {j: math.exp(_cosine(targets[i], targets[j]) / SOFT_TEMPERATURE) for j in kept}
            soft = {j: value / sum(soft.values()) for j, value in soft.items()}
            weights = {
                "hard": [float(i == j) for j in kept],
                "supcon": [same[i][j] / positives for j in kept],
                "soft": [(1 - SOFT_WEIGHT) * same[i][j] / positives + SOFT_WEIGHT * soft[j] for j in kept],
                "siglip": [],
            }[variant]
            if name == "loss_imu_to_text":
                entropy -= sum(w * math.log(w) for w in weights if w > 0) / batch
            if variant == "siglip":
                signs = [(1 if same[i][j] else -1, logits[j]) for j in kept]
                terms = [math.log(1 + math.exp(-z * (x + SIGLIP_BIAS))) for z, x in signs]
            else:
                log_sum = math.log(sum(math.exp(logits[j]) for j in kept))
                terms = [-w * (logits[j] - log_sum) for w, j in zip(weights, kept, strict=True)]
            sums[name] += sum(terms) / batch
    pairs = [(i, j) for i in range(batch) for j in range(columns)]
    similarity = {(i, j): _logit(windows[i], texts[j], scale) / scale for i, j in pairs}
    positive = [similarity[i, j] for i, j in pairs if same[i][j]]
    negative = [similarity[i, j] for i, j in pairs if not same[i][j] and not given[0][i][j]]
    result = {
        "loss": (sums["loss_imu_to_text"] + sums["loss_text_to_imu"]) / 2,
        "positive_similarity": sum(positive) / len(positive),
        "negative_similarity": sum(negative) / len(negative),
        "logit_scale": scale,
        **sums,
    }
    result["similarity_gap"] = result["positive_similarity"] - result["negative_similarity"]
    if variant in ("soft", "supcon"):
        result["target_entropy"] = entropy
    return result


@pytest.mark.parametrize("targets", [True, False])
@pytest.mark.parametrize("queue", [True, False])
@pytest.mark.parametrize(("prototypes", "queue_prototypes"), [(None, None), (1, True), (3, False), (3, True)])
@pytest.mark.parametrize("variant", VARIANTS)
def test_agrees_with_the_double_loop(variant, prototypes, queue_prototypes, queue, targets):
    inputs = make_inputs(1, prototypes, queue, targets, queue_prototypes)
    loss, metrics = inputs.call(make_criterion(variant), return_metrics=True)
    expected = oracle(variant, inputs)
    found = {name: value.item() for name, value in metrics.items()}
    assert found == pytest.approx(expected, rel=1e-6)  # the parameter log(1 / temperature) starts in float32
    assert loss.item() == found["loss"]


def with_undecided(inputs, seed=3):
    """Half of all pairs at random, pairs of one label among them, which the loss has to keep."""
    shape = (2, len(BATCH_LABELS), len(BATCH_LABELS) + (0 if inputs.imu_queue is None else len(QUEUE_LABELS)))
    inputs.undecided = torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < 0.5
    return inputs


@pytest.mark.parametrize("queue", [True, False])
@pytest.mark.parametrize("variant", VARIANTS)
def test_undecided_pairs_agree_with_the_double_loop(variant, queue):
    inputs = with_undecided(make_inputs(4, 2, queue, True, True))
    loss, metrics = inputs.call(make_criterion(variant), return_metrics=True)
    expected = oracle(variant, inputs)
    assert {name: value.item() for name, value in metrics.items()} == pytest.approx(expected, rel=1e-6)
    inputs.undecided = None
    assert loss.item() != pytest.approx(oracle(variant, inputs)["loss"], rel=1e-5)


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_undecided_pair_has_no_gradient(variant):
    """Window 0 with the text of column 3 in both directions: moving either changes nothing of what the two share."""
    inputs = make_inputs(5, queue=False)
    pairs = torch.zeros(2, len(BATCH_LABELS), len(BATCH_LABELS), dtype=torch.bool)
    pairs[0, 0, 3] = pairs[1, 3, 0] = True
    found = []
    for undecided in (None, pairs):
        inputs.undecided = undecided
        inputs.imu, inputs.text = inputs.imu.detach().requires_grad_(), inputs.text.detach().requires_grad_()
        loss, _ = inputs.call(make_criterion(variant))
        (gradient,) = torch.autograd.grad(loss, inputs.imu, create_graph=True)
        # How the pull on window 0 depends on text 3: through this pair, and through the sums that it is in.
        (mixed,) = torch.autograd.grad(gradient[0].sum(), inputs.text)
        found.append(mixed[3].abs().max().item())
    assert found[0] > 1e-6 and found[1] < 1e-12


@pytest.mark.parametrize("change", [lambda u: u.float(), lambda u: u[:, :, 1:]], ids=["float", "shape"])
def test_undecided_pairs_that_do_not_fit_are_refused(change):
    inputs = with_undecided(make_inputs(6))
    inputs.undecided = change(inputs.undecided)
    with pytest.raises(ValueError, match=r"undecided texts are .* expected torch.bool \(6, 11\)"):
        inputs.call(make_criterion("soft"))


def test_float32_agrees_with_the_double_loop():
    inputs = make_inputs(2, prototypes=3)
    for variant in VARIANTS:
        single = inputs.map(lambda _, tensor: tensor.float())
        loss, _ = single.call(make_criterion(variant).float())
        assert loss.dtype == torch.float32
        assert loss.item() == pytest.approx(oracle(variant, inputs)["loss"], rel=1e-5)


# ---- Independent libraries ------------------------------------------------------------------------------------------


def test_hard_agrees_with_info_nce_without_a_queue():
    inputs = make_inputs(3, queue=False)
    reference = InfoNCE(temperature=TEMPERATURE)
    imu, text = inputs.imu.requires_grad_(), inputs.text.requires_grad_()
    expected = (reference(imu, text) + reference(text, imu)) / 2
    loss, _ = InfoNCELoss(TEMPERATURE, use_soft_targets=False)(imu, text)
    torch.testing.assert_close(loss, expected, rtol=1e-6, atol=0)
    for found, wanted in zip(
        torch.autograd.grad(loss, (imu, text)), torch.autograd.grad(expected, (imu, text)), strict=True
    ):
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-8)


def test_hard_agrees_with_info_nce_with_a_queue():
    inputs = make_inputs(4)
    rows = len(inputs.imu)

    def negatives(batch, queue):
        return torch.stack([torch.cat([batch[:i], batch[i + 1 :], queue]) for i in range(rows)])

    reference = InfoNCE(temperature=TEMPERATURE, negative_mode="paired")
    to_text = reference(inputs.imu, inputs.text, negatives(inputs.text, inputs.text_queue))
    to_imu = reference(inputs.text, inputs.imu, negatives(inputs.imu, inputs.imu_queue))
    loss, metrics = inputs.call(make_criterion("hard"), return_metrics=True)
    torch.testing.assert_close(metrics["loss_imu_to_text"], to_text, rtol=1e-6, atol=0)
    torch.testing.assert_close(metrics["loss_text_to_imu"], to_imu, rtol=1e-6, atol=0)
    torch.testing.assert_close(loss, (to_text + to_imu) / 2, rtol=1e-6, atol=0)


def test_hard_agrees_with_ntxent_for_distinct_labels():
    generator = torch.Generator().manual_seed(5)
    imu, text, imu_queue, text_queue = (
        torch.randn(n, WIDTH, generator=generator, dtype=torch.float64) for n in (4, 4, 3, 3)
    )
    reference, labels, all_labels = NTXentLoss(temperature=TEMPERATURE), torch.arange(4), torch.arange(7)
    to_text = reference(imu, labels, ref_emb=torch.cat([text, text_queue]), ref_labels=all_labels)
    to_imu = reference(text, labels, ref_emb=torch.cat([imu, imu_queue]), ref_labels=all_labels)
    loss, _ = make_criterion("hard")(imu, text, imu_queue, text_queue)
    torch.testing.assert_close(loss, (to_text + to_imu) / 2, rtol=1e-6, atol=0)


@pytest.mark.parametrize("queue", [True, False])
def test_supcon_agrees_with_pytorch_metric_learning(queue):
    inputs = make_inputs(6, queue=queue)
    labels = torch.tensor(BATCH_LABELS)
    # A copy: the library reads "the same tensor" as "the same embeddings" and leaves out the diagonal.
    all_labels, all_imu, all_text = labels.clone(), inputs.imu, inputs.text
    if queue:
        all_labels = torch.tensor(BATCH_LABELS + QUEUE_LABELS)
        all_imu = torch.cat([inputs.imu, inputs.imu_queue])
        all_text = torch.cat([inputs.text, inputs.text_queue])
    reference = SupConLoss(temperature=TEMPERATURE)
    to_text = reference(inputs.imu, labels, ref_emb=all_text, ref_labels=all_labels)
    to_imu = reference(inputs.text, labels, ref_emb=all_imu, ref_labels=all_labels)
    loss, metrics = inputs.call(make_criterion("supcon"), return_metrics=True)
    torch.testing.assert_close(metrics["loss_imu_to_text"], to_text, rtol=1e-6, atol=0)
    torch.testing.assert_close(metrics["loss_text_to_imu"], to_imu, rtol=1e-6, atol=0)
    torch.testing.assert_close(loss, (to_text + to_imu) / 2, rtol=1e-6, atol=0)


def test_siglip_agrees_with_the_pseudocode_of_the_paper():
    generator = torch.Generator().manual_seed(7)
    imu, text = (torch.randn(5, WIDTH, generator=generator, dtype=torch.float64) for _ in range(2))
    logits = F.normalize(imu, dim=1) @ F.normalize(text, dim=1).T * (1 / TEMPERATURE) + SIGLIP_BIAS
    signs = 2 * torch.eye(5, dtype=torch.float64) - 1
    expected = -F.logsigmoid(signs * logits).sum() / 5
    torch.testing.assert_close(make_criterion("siglip")(imu, text)[0], expected, rtol=1e-6, atol=0)


# ---- Gradients ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prototypes", [None, 2])
@pytest.mark.parametrize("variant", VARIANTS)
def test_gradcheck(variant, prototypes):
    inputs = make_inputs(8, prototypes)
    criterion = make_criterion(variant)
    free = {name: p.detach().clone().requires_grad_() for name, p in criterion.named_parameters()}

    def loss_of(imu, text, imu_queue, text_queue, *parameters):
        targets = {"text_targets": inputs.text_targets, "queue_targets": inputs.queue_targets}
        arguments = (imu, text, imu_queue, text_queue)
        state = dict(zip(free, parameters, strict=True))
        return torch.func.functional_call(criterion, state, arguments, targets)[0]

    tensors = [getattr(inputs, name) for name in ("imu", "text", "imu_queue", "text_queue")]
    leaves = [t.clone().requires_grad_() for t in tensors] + list(free.values())
    assert "criterion.logit_scale" in free
    assert torch.autograd.gradcheck(loss_of, leaves)


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_gradient_flows_through_targets(variant):
    inputs = make_inputs(9)
    inputs.text_targets.requires_grad_()
    inputs.queue_targets.requires_grad_()
    inputs.imu.requires_grad_()
    inputs.call(make_criterion(variant))[0].backward()
    assert inputs.imu.grad.abs().sum() > 0
    assert inputs.text_targets.grad is None
    assert inputs.queue_targets.grad is None


def test_default_targets_carry_no_gradient_of_the_texts():
    inputs = make_inputs(10, queue=False, targets=False)
    gradients = []
    for targets in (None, inputs.text.clone()):
        text = inputs.text.clone().requires_grad_()
        make_criterion("soft")(inputs.imu, text, text_targets=targets)[0].backward()
        gradients.append(text.grad)
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-10, atol=1e-12)


def test_logit_scale_is_clamped_and_can_come_back():
    inputs = make_inputs(11, queue=False)
    for start, scale in ((10.0, 100.0), (-3.0, 1.0)):
        criterion = make_criterion("hard")
        criterion.logit_scale.data.fill_(start)
        loss, metrics = inputs.call(criterion, return_metrics=True)
        assert metrics["logit_scale"].item() == scale
        assert criterion.scale.item() == scale
        assert not criterion.scale.requires_grad
        assert loss.item() == pytest.approx(oracle("hard", inputs, temperature=1 / scale)["loss"], rel=1e-9)

    # Unrelated windows and texts want a smaller scale: far above the bound the gradient still leads down ...
    random = make_criterion("hard")
    random.logit_scale.data.fill_(10.0)
    inputs.call(random)[0].backward()
    assert random.logit_scale.grad > 0
    # ... and aligned ones a larger scale: at the upper bound the outward part is dropped, at the lower it leads inside.
    text = torch.eye(WIDTH, dtype=torch.float64) + 1.0  # neighbours at a cosine of 0.89: the gradient does not vanish
    for start, moves in ((math.log(100.0) + 0.1, False), (-1.0, True)):
        aligned = make_criterion("hard")
        aligned.logit_scale.data.fill_(start)
        aligned(text, text)[0].backward()
        assert (aligned.logit_scale.grad < 0) == moves
        assert (aligned.logit_scale.grad == 0) != moves


# ---- Closed forms ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", ["hard", "soft", "supcon"])
@pytest.mark.parametrize("rows_queue", [0, 5])
def test_identical_embeddings_give_the_log_of_the_number_of_columns(variant, rows_queue):
    one = torch.ones(1, WIDTH, dtype=torch.float64)
    loss, metrics = make_criterion(variant)(
        one.repeat(4, 1), one.repeat(4, 1), one.repeat(rows_queue, 1), one.repeat(rows_queue, 1), return_metrics=True
    )
    assert loss.item() == pytest.approx(math.log(4 + rows_queue), rel=1e-12)
    assert metrics["positive_similarity"].item() == pytest.approx(1.0)
    # One label only: there is no negative, and the documented value is 0.
    assert metrics["negative_similarity"].item() == 0.0
    assert metrics["similarity_gap"].item() == pytest.approx(1.0)


@pytest.mark.parametrize("variant", ["hard", "supcon", "soft"])
def test_aligned_orthogonal_pairs_at_the_largest_scale(variant):
    basis = torch.eye(WIDTH, dtype=torch.float64)
    loss, _ = SemanticAlignmentLoss(0.01, variant, soft_target_temperature=0.01, soft_target_weight=0.5)(basis, basis)
    assert loss.item() == pytest.approx((WIDTH - 1) * math.exp(-100), abs=1e-12)


def test_siglip_closed_form_for_aligned_orthogonal_pairs():
    basis = torch.eye(WIDTH, dtype=torch.float64)
    loss, _ = SigLIPLoss(TEMPERATURE, initial_bias=-2.5)(basis, basis)
    # logits 5 - 2.5 on the diagonal, -2.5 elsewhere: each of the 6 terms of a row is log(1 + exp(-2.5)).
    assert loss.item() == pytest.approx(WIDTH * math.log(1 + math.exp(-2.5)), rel=1e-6)


def test_soft_weight_limits_are_supcon_and_pure_similarity():
    inputs = make_inputs(12)
    supcon = inputs.call(make_criterion("supcon"))[0]
    torch.testing.assert_close(inputs.call(InfoNCELoss(TEMPERATURE, soft_target_weight=0.0).double())[0], supcon)
    # Nearly infinite soft temperature and weight 1: uniform targets over all columns.
    _, metrics = inputs.call(InfoNCELoss(TEMPERATURE, True, 1e6, 1.0).double(), return_metrics=True)
    columns = len(BATCH_LABELS) + len(QUEUE_LABELS)
    assert metrics["target_entropy"].item() == pytest.approx(math.log(columns), rel=1e-6)


def test_a_batch_of_one_window():
    one = torch.ones(1, WIDTH)
    for variant in ("hard", "soft", "supcon"):
        loss, metrics = SemanticAlignmentLoss(variant=variant)(one, -one, return_metrics=True)
        assert loss.item() == 0.0
        assert metrics["similarity_gap"].item() == pytest.approx(-1.0)


# ---- Properties -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_order_of_batch_queue_and_prototypes_is_irrelevant(variant):
    inputs, criterion = make_inputs(13, prototypes=3, queue_prototypes=True), make_criterion(variant)
    generator = torch.Generator().manual_seed(0)
    batch = torch.randperm(len(BATCH_LABELS), generator=generator)
    queue = torch.randperm(len(QUEUE_LABELS), generator=generator)

    def shuffled(name, tensor):
        tensor = tensor[queue if "queue" in name else batch]
        return tensor[:, [2, 0, 1]] if tensor.dim() == 3 else tensor

    _, expected = inputs.call(criterion, return_metrics=True)
    _, found = inputs.map(shuffled).call(criterion, return_metrics=True)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("variant", VARIANTS)
def test_one_prototype_and_an_empty_queue_change_nothing(variant):
    inputs, criterion = make_inputs(14, queue=False), make_criterion(variant)
    _, expected = inputs.call(criterion, return_metrics=True)
    empty = inputs.imu[:0]
    for text in (inputs.text, inputs.text.unsqueeze(1)):
        for queue_targets in (None, inputs.text_targets[:0]):
            arguments = Inputs(inputs.imu, text, empty, empty, inputs.text_targets, queue_targets)
            _, found = arguments.call(criterion, return_metrics=True)
            assert found == expected  # to the bit


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_norm_of_embeddings_and_targets_is_irrelevant(variant):
    inputs, criterion = make_inputs(15, prototypes=2), make_criterion(variant)
    expected, _ = inputs.call(criterion)
    found, _ = inputs.map(lambda name, tensor: tensor * (3.0 if "target" in name else 0.01)).call(criterion)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=0)


@pytest.mark.parametrize("variant", VARIANTS)
def test_float32_inside_autocast_and_for_half_precision(variant):
    inputs = make_inputs(16).map(lambda _, tensor: tensor.bfloat16())
    criterion = make_criterion(variant).float()
    expected, _ = inputs.map(lambda _, tensor: tensor.float()).call(criterion)
    with torch.autocast("cpu", torch.bfloat16):
        under_autocast, _ = inputs.map(lambda _, tensor: tensor.float()).call(criterion)
        half, _ = inputs.call(criterion)
    assert under_autocast.dtype == half.dtype == torch.float32
    assert under_autocast.item() == expected.item()
    assert half.item() == expected.item()


def test_metrics_are_detached_and_computed_only_when_asked(monkeypatch):
    inputs, criterion = make_inputs(17), make_criterion("soft")
    inputs.imu.requires_grad_()
    loss, metrics = inputs.call(criterion, return_metrics=True)
    assert loss.requires_grad
    assert len(metrics) == 8
    assert all(isinstance(m, torch.Tensor) and m.dim() == 0 and not m.requires_grad for m in metrics.values())

    def refuse(*_):
        raise AssertionError("metrics were computed without being asked for")

    monkeypatch.setattr(semantic_loss, "alignment_metrics", refuse)
    assert inputs.call(criterion)[1] == {}
    with pytest.raises(AssertionError, match="without being asked"):
        inputs.call(criterion, return_metrics=True)


@pytest.mark.parametrize("variant", ["hard", "soft", "siglip"])
def test_compiles_without_a_graph_break(variant):
    inputs, criterion = make_inputs(18, prototypes=2), make_criterion(variant)
    compiled = torch.compile(criterion, fullgraph=True, backend="eager")
    for found, expected in zip(inputs.call(compiled, True), inputs.call(criterion, True), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_a_label_whose_target_is_zero_is_its_own_positive():
    inputs = make_inputs(19, queue=False)
    inputs.text_targets = torch.zeros_like(inputs.text_targets)
    loss, _ = inputs.call(make_criterion("supcon"))
    torch.testing.assert_close(loss, inputs.call(make_criterion("hard"))[0], rtol=1e-12, atol=0)


# ---- Errors ---------------------------------------------------------------------------------------------------------


def _replaced(**changes):
    inputs = make_inputs(20)
    return Inputs(**(vars(inputs) | {name: change(getattr(inputs, name)) for name, change in changes.items()}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"imu": lambda x: x[:0], "text": lambda x: x[:0], "text_targets": lambda x: x[:0]}, "batch is empty"),
        ({"imu": lambda x: x[:4]}, r"differ in rows.*imu_embeddings \(4, 6\), text_embeddings \(6, 6\)"),
        ({"text": lambda x: x[:, :5]}, r"text_embeddings differs .* width D.*text_embeddings \(6, 5\)"),
        ({"imu": lambda x: x[0]}, "imu_embeddings has 1 dimensions, expected 2"),
        ({"text": lambda x: x[None, None]}, "text_embeddings has 4 dimensions, expected 2 or 3"),
        ({"text": lambda x: x[:, None][:, :0]}, "text_embeddings has a dimension of size 0"),
        ({"imu_queue": lambda x: x[:, :5]}, r"imu_queue differs .* width D.*imu_queue \(5, 5\)"),
        ({"imu_queue": lambda x: x[:4]}, r"differ in rows.*imu_queue \(4, 6\)"),
        ({"imu_queue": lambda x: None, "queue_targets": lambda x: None}, "imu_queue and text_queue go together"),
        ({"queue_targets": lambda x: None}, "text_targets need queue_targets"),
        ({"text_targets": lambda x: None}, "queue_targets need text_targets"),
        ({"queue_targets": lambda x: x[:, :3]}, r"targets differ in width T.*queue_targets \(5, 3\)"),
        ({"text_targets": lambda x: x[:4]}, r"differ in rows.*text_targets \(4, 7\)"),
        ({"text_targets": lambda x: x.long()}, "text_targets is torch.int64, expected floating point"),
        ({"text": lambda x: x.to("meta")}, "text_embeddings is on meta, imu_embeddings on cpu"),
    ],
)
def test_wrong_inputs_name_what_was_found(changes, message):
    with pytest.raises(ValueError, match=message):
        _replaced(**changes).call(make_criterion("soft"))


def test_wrong_settings_name_what_is_known():
    with pytest.raises(ValueError, match=r"'triplet'; known: hard, soft, supcon, siglip"):
        SemanticAlignmentLoss(variant="triplet")
    for temperature in (0.0, 0.001, 2.0, math.nan):
        with pytest.raises(ValueError, match="temperature is"):
            InfoNCELoss(temperature)
    for soft in ({"soft_target_temperature": 0.0}, {"soft_target_weight": 1.5}):
        with pytest.raises(ValueError, match="expected a positive temperature and a weight"):
            InfoNCELoss(**soft)


# ---- What the queue does to training ----------------------------------------------------------------------------

SYNONYMS = [(0, 1), (2, 3)]


def _optimise(variant, use_queue=True, steps=150):
    """Free window and text embeddings of six labels, two pairs of them synonyms; returns gap and synonym cosine.

    The synonym cosine is that of their texts, less the mean cosine of texts of unrelated labels.
    """
    generator = torch.Generator().manual_seed(0)
    frozen = torch.eye(6)
    for first, second in SYNONYMS:
        frozen[second] = F.normalize(frozen[first] + 0.3 * frozen[second], dim=0)
    labels = torch.arange(24) % 6
    windows = torch.randn(24, 8, generator=generator).requires_grad_()
    texts = torch.randn(6, 8, generator=generator).requires_grad_()
    criterion = SemanticAlignmentLoss(0.1, variant, soft_target_temperature=0.1, soft_target_weight=0.5)
    bank = MemoryBank(32, 8, target_dim=6)
    optimiser = torch.optim.Adam([windows, texts, *criterion.parameters()], lr=0.03)
    for _ in range(steps):
        rows = torch.randperm(24, generator=generator)[:8]
        imu, text, targets = windows[rows], texts[labels[rows]], frozen[labels[rows]]
        queue = bank.get_queue_embeddings()
        loss, _ = criterion(imu, text, *queue, text_targets=targets, queue_targets=bank.get_queue_targets())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if use_queue:
            bank.update(imu, text, targets)
    _, metrics = criterion(windows, texts[labels], return_metrics=True, text_targets=frozen[labels])
    unit = F.normalize(texts.detach(), dim=1)
    cosine = unit @ unit.T
    synonyms = torch.stack([cosine[i, j] for i, j in SYNONYMS]).mean()
    unrelated = torch.stack([cosine[i, 4] for i in range(4)] + [cosine[i, 5] for i in range(5)]).mean()
    return metrics["similarity_gap"].item(), (synonyms - unrelated).item()


def test_training_with_the_queue_separates_at_least_as_well_as_without():
    with_queue, _ = _optimise("soft")
    without_queue, _ = _optimise("soft", use_queue=False)
    assert with_queue > 0.5
    assert with_queue >= without_queue - 0.05


def test_synonyms_stay_together_with_soft_targets_and_not_without():
    _, soft = _optimise("soft")
    _, hard = _optimise("hard")
    assert soft > hard + 0.3


def test_a_queued_synonym_pulls_with_soft_targets_and_pushes_without():
    """One anchor on its own text, one queued synonym and one queued stranger, at equal cosine to the anchor."""
    anchor, synonym, stranger = torch.eye(3, dtype=torch.float64)
    targets = F.normalize(torch.tensor([[1.0, 0.0, 0.0], [0.95, 0.3, 0.0], [0.0, 0.0, 1.0]], dtype=torch.float64))
    pull = {}
    for variant in ("hard", "soft"):
        imu = anchor.clone()[None].requires_grad_()
        queue = torch.stack([synonym, stranger])
        criterion = SemanticAlignmentLoss(0.1, variant, soft_target_temperature=0.1, soft_target_weight=0.5)
        loss, _ = criterion(imu, anchor[None], queue, queue, text_targets=targets[:1], queue_targets=targets[1:])
        (gradient,) = torch.autograd.grad(loss, imu)
        pull[variant] = -gradient[0]  # direction of descent
    assert pull["hard"][1] < 0
    assert pull["hard"][2] < 0
    assert pull["soft"][1] > 0
    assert pull["soft"][2] < 0


# --- teachers ---------------------------------------------------------------------------------------------------------


def compared(seed, prototypes, width, scale, windows=4, texts=3):
    """Windows, texts and a scale as one model has them, in float64."""
    generator = torch.Generator().manual_seed(seed)
    imu = F.normalize(torch.randn(windows, width, generator=generator, dtype=torch.float64), dim=-1)
    text = F.normalize(torch.randn(texts, prototypes, width, generator=generator, dtype=torch.float64), dim=-1)
    return imu, text, torch.tensor(scale, dtype=torch.float64)


def plain_probabilities(models):
    """Normalised geometric means of the models' probabilities, in plain floats."""
    rows = []
    for i in range(len(models[0][0])):
        products = [1.0] * len(models[0][1])
        for imu, text, scale in models:
            each = [
                sum(math.exp(float(scale) * float(imu[i] @ one)) for one in text[j]) / len(text[j])
                for j in range(len(text))
            ]
            products = [a * (b / sum(each)) ** (1 / len(models)) for a, b in zip(products, each, strict=True)]
        rows.append([a / sum(products) for a in products])
    return rows


def test_distillation_agrees_with_plain_floats():
    """Teachers of other widths, numbers of prototypes and scales than the student."""
    student, teachers = (
        compared(0, 2, 6, 7.0),
        [compared(1, 2, 6, 9.0), compared(2, 1, 8, 3.0), compared(3, 3, 5, 20.0)],
    )
    taught, learned = plain_probabilities(teachers), plain_probabilities([student])
    each = [sum(p * math.log(p / q) for p, q in zip(a, b, strict=True)) for a, b in zip(taught, learned, strict=True)]
    assert float(distillation_loss(*student, teachers)) == pytest.approx(sum(each) / len(each), rel=1e-9)


def test_a_student_that_is_its_teacher_has_nothing_to_learn():
    imu, text, scale = compared(0, 2, 6, 10.0)
    imu.requires_grad_(), text.requires_grad_()
    loss = distillation_loss(imu, text, scale, [(imu, text, scale)])
    assert float(loss.detach()) == pytest.approx(0, abs=1e-12)
    loss.backward()
    assert imu.grad.abs().max() < 1e-12 and text.grad.abs().max() < 1e-12


def test_distillation_has_the_gradient_of_finite_differences_and_none_for_teachers():
    imu, text, scale = (part.requires_grad_() for part in compared(0, 2, 6, 5.0))
    teacher = tuple(part.requires_grad_() for part in compared(1, 2, 6, 8.0))
    assert torch.autograd.gradcheck(lambda *student: distillation_loss(*student, [teacher]), (imu, text, scale))
    distillation_loss(imu, text, scale, [teacher]).backward()
    assert all(part.grad is None for part in teacher)


def test_distillation_of_half_precision_is_that_of_float32():
    student, teacher = ([part.float() for part in compared(seed, 2, 6, 9.0)] for seed in (0, 1))
    half = [part.bfloat16() for part in student[:2]]
    with torch.autocast("cpu", torch.bfloat16):
        found = distillation_loss(*half, student[2], [teacher])
    assert found.dtype == torch.float32
    assert torch.equal(found, distillation_loss(half[0].float(), half[1].float(), student[2], [teacher]))
