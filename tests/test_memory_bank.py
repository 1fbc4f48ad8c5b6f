"""The queue against collections.deque, its state through save and load, and what it refuses."""

import copy
import io
from collections import deque

import pytest
import torch
from torch import nn

from training_scripts.human_activity_recognition.memory_bank import MemoryBank

WIDTH, TARGET_WIDTH = 4, 3


def make_bank(queue_size=7, **changes):
    return MemoryBank(queue_size, WIDTH, **({"target_dim": TARGET_WIDTH} | changes))


def make_rows(rows, generator, prototypes=None):
    text_shape = (rows, WIDTH) if prototypes is None else (rows, prototypes, WIDTH)
    return (
        torch.randn(rows, WIDTH, generator=generator),
        torch.randn(text_shape, generator=generator),
        torch.randn(rows, TARGET_WIDTH, generator=generator),
    )


def contents(bank):
    return (*bank.get_queue_embeddings(), bank.get_queue_targets())


def assert_same_contents(bank, other):
    for found, expected in zip(contents(bank), contents(other), strict=True):
        assert torch.equal(found, expected)


@pytest.mark.parametrize("prototypes", [None, 2])
@pytest.mark.parametrize("queue_size", [1, 7, 16])
def test_agrees_with_a_deque_over_many_updates(queue_size, prototypes):
    """Batches of 0 to 1.5 queues, so the write position wraps at every offset and some batches exceed the queue."""
    generator = torch.Generator().manual_seed(queue_size)
    bank = make_bank(queue_size, prototypes=prototypes)
    reference, written, larger = deque(maxlen=queue_size), 0, 0
    for _ in range(300):
        rows = int(torch.randint(0, queue_size + queue_size // 2 + 2, (), generator=generator))
        imu, text, targets = make_rows(rows, generator, prototypes)
        bank.update(imu, text, targets)
        reference.extend(zip(imu, text, targets, strict=True))
        larger += rows > queue_size
        written += min(rows, queue_size)
        assert len(bank) == len(reference) == int(bank.queue_count)
        assert bank.is_full == (len(reference) == queue_size)
        assert bank.ptr == written % queue_size == int(bank.queue_ptr)
        if reference:
            for found, expected in zip(contents(bank), zip(*reference, strict=True), strict=True):
                assert torch.equal(found, torch.stack(expected))
    assert larger > 10
    assert written > 20 * queue_size


def test_only_the_filled_part_is_returned():
    bank = make_bank(7)
    for rows_before in (0, 2, 4):
        assert len(bank) == rows_before
        imu, text = bank.get_queue_embeddings()
        assert imu.shape == text.shape == (rows_before, WIDTH)
        assert bank.get_queue_targets().shape == (rows_before, TARGET_WIDTH)
        bank.update(*make_rows(2, torch.Generator().manual_seed(0)))


def test_a_batch_larger_than_the_queue_keeps_its_last_rows():
    bank = make_bank(3)
    imu, text, targets = make_rows(8, torch.Generator().manual_seed(1))
    bank.update(imu, text, targets)
    for found, expected in zip(contents(bank), (imu, text, targets), strict=True):
        assert torch.equal(found, expected[-3:])
    assert bank.is_full


def test_rows_come_back_as_they_were_given_in_float32_and_detached():
    bank = make_bank(5)
    generator = torch.Generator().manual_seed(2)
    imu, text, targets = make_rows(3, generator)
    imu.requires_grad_()
    given = (100 * imu).bfloat16(), 0.01 * text.double(), targets
    bank.update(*given)
    for found, expected in zip(contents(bank), given, strict=True):
        assert found.dtype == torch.float32
        assert not found.requires_grad
        assert torch.equal(found, expected.detach().float())


def test_copies_survive_the_next_update():
    """A backward pass that runs after the update needs the values that the loss has seen."""
    generator = torch.Generator().manual_seed(3)
    bank = make_bank(4)
    bank.update(*make_rows(4, generator))
    weights = torch.ones(WIDTH, requires_grad=True)
    before = contents(bank)
    kept = [tensor.clone() for tensor in before]
    loss = (before[0] * weights).sum()
    bank.update(*make_rows(3, generator))
    loss.backward()
    for found, expected in zip(before, kept, strict=True):
        assert torch.equal(found, expected)
    torch.testing.assert_close(weights.grad, kept[0].sum(dim=0))


def test_label_ids_can_travel_instead_of_embeddings():
    bank = MemoryBank(4, WIDTH, target_dim=1, target_dtype=torch.long)
    imu, text, _ = make_rows(6, torch.Generator().manual_seed(4))
    ids = torch.tensor([[0], [2**40 + 1], [5], [0], [7], [3]])
    bank.update(imu, text, ids)
    assert bank.get_queue_targets().dtype == torch.long
    assert bank.get_queue_targets().flatten().tolist() == [5, 0, 7, 3]


def test_a_bank_without_targets_returns_none():
    bank = MemoryBank(4, WIDTH)
    imu, text, _ = make_rows(2, torch.Generator().manual_seed(5))
    bank.update(imu, text)
    assert bank.get_queue_targets() is None
    assert len(bank) == 2


def test_defaults_and_device():
    bank = MemoryBank()
    assert bank.imu_queue.shape == bank.text_queue.shape == (4096, 256)
    elsewhere = MemoryBank(4, WIDTH, device="meta", target_dim=2)
    assert {buffer.device.type for buffer in elsewhere.buffers()} == {"meta"}
    assert {tensor.device.type for tensor in make_bank().get_queue_embeddings(device="meta")} == {"meta"}
    assert make_bank().get_queue_targets(device="meta").device.type == "meta"


# ---- State ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows_before", [0, 3, 7, 10])
def test_state_round_trip_continues_identically(rows_before):
    """Saved empty, half filled, exactly full, and in the middle of a wrap; read back as a checkpoint would be."""
    generator = torch.Generator().manual_seed(6)
    bank = make_bank(7)
    bank.update(*make_rows(min(rows_before, 5), generator))
    bank.update(*make_rows(max(rows_before - 5, 0), generator))
    file = io.BytesIO()
    torch.save(bank.state_dict(), file)
    file.seek(0)
    restored = make_bank(7)
    restored.update(*make_rows(4, torch.Generator().manual_seed(99)))  # loading replaces what was there
    restored.load_state_dict(torch.load(file, weights_only=True))
    for _ in range(5):
        assert (len(restored), restored.ptr, restored.is_full) == (len(bank), bank.ptr, bank.is_full)
        assert_same_contents(restored, bank)
        for name, value in bank.state_dict().items():
            assert torch.equal(restored.state_dict()[name], value)
        rows = make_rows(3, generator)
        bank.update(*rows)
        restored.update(*rows)


def test_a_copy_is_independent():
    bank = make_bank(5)
    bank.update(*make_rows(3, torch.Generator().manual_seed(7)))
    other = copy.deepcopy(bank)
    other.update(*make_rows(1, torch.Generator().manual_seed(8)))
    assert (len(bank), len(other)) == (3, 4)
    assert torch.equal(bank.get_queue_targets(), other.get_queue_targets()[:3])


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    ("other", "found", "own"),
    [
        (MemoryBank(9, WIDTH, target_dim=TARGET_WIDTH), r"\(9, 4\)", r"\(7, 4\)"),
        (MemoryBank(7, 5, target_dim=TARGET_WIDTH), r"\(7, 5\)", r"\(7, 4\)"),
        (MemoryBank(7, WIDTH, target_dim=2), r"\(7, 2\)", r"\(7, 3\)"),
        (MemoryBank(7, WIDTH, target_dim=TARGET_WIDTH, prototypes=2), r"\(7, 2, 4\)", r"\(7, 4\)"),
        (MemoryBank(7, WIDTH), "the saved queue", "'target_queue': "),
    ],
)
def test_a_state_of_another_size_is_an_error_that_names_both(other, found, own, strict):
    bank = make_bank(7)
    bank.update(*make_rows(3, torch.Generator().manual_seed(9)))
    before = contents(bank)
    with pytest.raises(ValueError, match=f"{found}.*this bank has.*{own}"):
        bank.load_state_dict(other.state_dict(), strict=strict)
    assert len(bank) == 3
    for kept, now in zip(before, contents(bank), strict=True):
        assert torch.equal(kept, now)


def test_the_size_is_checked_inside_a_larger_module():
    with pytest.raises(ValueError, match=r"the saved queue bank has .*\(9, 4\).*this bank has .*\(7, 4\)"):
        nn.ModuleDict({"bank": make_bank(7)}).load_state_dict(nn.ModuleDict({"bank": make_bank(9)}).state_dict())


@pytest.mark.parametrize(("ptr", "count"), [(7, 7), (-1, 7), (2, 3), (0, 8)])
def test_a_state_that_contradicts_itself_is_refused(ptr, count):
    state = make_bank(7).state_dict() | {"queue_ptr": torch.tensor(ptr), "queue_count": torch.tensor(count)}
    with pytest.raises(ValueError, match=f"queue_ptr {ptr} and queue_count {count} contradict"):
        make_bank(7).load_state_dict(state)


def test_a_state_without_a_queue_is_an_error_unless_partial_loading_is_asked_for():
    bank = make_bank(7)
    bank.update(*make_rows(3, torch.Generator().manual_seed(10)))
    with pytest.raises(RuntimeError, match="Missing key"):
        bank.load_state_dict({})
    bank.load_state_dict({}, strict=False)
    assert len(bank) == 3


# ---- Errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["imu", "text", "targets"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_rows_that_are_not_finite_are_named_and_nothing_is_written(name, value):
    bank, generator = make_bank(7), torch.Generator().manual_seed(11)
    bank.update(*make_rows(2, generator))
    state = copy.deepcopy(bank.state_dict())
    rows = dict(zip(("imu", "text", "targets"), make_rows(5, generator), strict=True))
    rows[name][1, 2] = value
    rows[name][4, 0] = value
    with pytest.raises(ValueError, match=rf"^NaN detected: {name} rows \[1, 4\]"):
        bank.update(**rows)
    for key, before in state.items():
        assert torch.equal(bank.state_dict()[key], before)
    assert len(bank) == 2


@pytest.mark.parametrize("name", ["imu", "text"])
def test_rows_without_direction_are_named_and_nothing_is_written(name):
    bank, generator = make_bank(7), torch.Generator().manual_seed(12)
    rows = dict(zip(("imu", "text", "targets"), make_rows(4, generator), strict=True))
    rows[name][2] = 0.0
    with pytest.raises(ValueError, match=rf"^Zero-norm embeddings: {name} rows \[2\]"):
        bank.update(**rows)
    assert len(bank) == 0


def test_one_zero_prototype_is_found_and_zero_targets_are_allowed():
    bank, generator = make_bank(7, prototypes=3), torch.Generator().manual_seed(13)
    imu, text, targets = make_rows(4, generator, prototypes=3)
    bank.update(imu, text, torch.zeros_like(targets))
    assert len(bank) == 4
    text[3, 1] = 0.0
    with pytest.raises(ValueError, match=r"text rows \[3\]"):
        bank.update(imu, text, targets)


def test_the_check_of_values_can_be_left_out():
    bank = make_bank(7)
    imu, text, targets = make_rows(2, torch.Generator().manual_seed(14))
    imu[0, 0] = float("nan")
    bank.update(imu, text, targets, check=False)
    assert bank.get_queue_embeddings()[0].isnan().any(dim=1).tolist() == [True, False]


@pytest.mark.parametrize(
    ("imu", "text", "targets", "message"),
    [
        ((3, 4), (2, 4), (3, 3), "rows differ in number: imu 3, text 2, targets 3"),
        ((3, 4), (3, 4), (2, 3), "rows differ in number: imu 3, text 3, targets 2"),
        ((3, 5), (3, 4), (3, 3), r"imu has shape \(3, 5\); expected \(B, 4\)"),
        ((3, 4), (3, 2, 4), (3, 3), r"text has shape \(3, 2, 4\); expected \(B, 4\)"),
        ((3, 4), (3, 4), (3,), r"targets has shape \(3,\); expected \(B, 3\)"),
        ((4,), (3, 4), (3, 3), r"imu has shape \(4,\); expected \(B, 4\)"),
        ((), (3, 4), (3, 3), r"imu has shape \(\); expected \(B, 4\)"),
        ((0, 5), (0, 4), (0, 3), r"imu has shape \(0, 5\); expected \(B, 4\)"),
        ((3, 4), (3, 4), None, "update got imu, text; this bank was made for imu, text, targets"),
    ],
)
def test_wrong_shapes_are_named(imu, text, targets, message):
    bank = make_bank(7)
    with pytest.raises(ValueError, match=message):
        bank.update(torch.ones(imu), torch.ones(text), None if targets is None else torch.ones(targets))
    assert len(bank) == 0


def test_targets_for_a_bank_without_them_and_sizes_below_one_are_refused():
    rows = torch.ones(2, WIDTH)
    with pytest.raises(ValueError, match=r"update got imu, text, targets; this bank was made for imu, text$"):
        MemoryBank(7, WIDTH).update(rows, rows, rows)
    for sizes in ({"queue_size": 0}, {"embedding_dim": -1}, {"target_dim": 0}, {"prototypes": 0}):
        with pytest.raises(ValueError, match=rf"{next(iter(sizes))} is {next(iter(sizes.values()))}"):
            MemoryBank(**sizes)
