"""GuardedOptimizer against torch's own AdamW and Muon, and against numbers that are not finite."""

import copy
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from har.run.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from har.run.muon import orthogonal_dtype, orthogonalised
from har.run.optimizer import GuardedOptimizer, WeightAverage

DECAY, CLIP = 0.3, 1.5


def network(seed: int = 0) -> nn.Sequential:
    """Matrices, vectors, and a layer that is frozen, in float64."""
    module = nn.Sequential(nn.Linear(3, 5), nn.LayerNorm(5), nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 2)).double()
    generator = np.random.default_rng(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.from_numpy(generator.normal(size=parameter.shape)))
    module[2].requires_grad_(False)
    return module


def batch(step: int) -> tuple[Tensor, Tensor, float]:
    """Inputs, targets and the learning rate of a step; the scale decides whether its gradient is clipped."""
    generator = np.random.default_rng([1, step])
    scale = 10.0 if step % 3 else 0.05
    inputs, targets = generator.normal(size=(8, 3)), scale * generator.normal(size=(8, 2))
    return torch.from_numpy(inputs), torch.from_numpy(targets), 0.03 / (1 + step)


def loss_of(module: nn.Module, step: int) -> Tensor:
    inputs, targets, _ = batch(step)
    return (module(inputs) - targets).abs().mean() * (1.0 if step % 3 else 0.05)


def train(module: nn.Module, optimizer: GuardedOptimizer, steps: range) -> list[Tensor]:
    return [learn(optimizer, loss_of(module, step), step, batch(step)[2]) for step in steps]


def learn(optimizer: GuardedOptimizer, loss: Tensor, step: int, rate: float) -> Tensor:
    loss.backward()
    return optimizer.step(loss, step, rate)


def hidden_of(module: nn.Module) -> list[nn.Parameter]:
    return [module[0].weight, module[4].weight]


def copy_of(module: nn.Module, optimizer: GuardedOptimizer) -> list[Tensor]:
    """Every parameter, moment and step count."""
    return [*(p.detach().clone() for p in module.parameters()), *leaves(copy.deepcopy(optimizer.state_dict()))]


def leaves(value: object) -> list[Tensor]:
    return [value] if isinstance(value, Tensor) else [leaf for part in value.values() for leaf in leaves(part)]


def assert_bits_equal(found: list[Tensor], expected: list[Tensor]) -> None:
    assert len(found) == len(expected)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_many_steps_equal_torch_with_decay_on_matrices_alone():
    module, oracle = network(), network()
    optimizer = GuardedOptimizer(module, DECAY, CLIP)
    learning = {name: p for name, p in oracle.named_parameters() if p.requires_grad}
    reference = torch.optim.AdamW(
        [
            {"params": [learning["0.weight"], learning["4.weight"]], "weight_decay": DECAY},
            {"params": [learning[name] for name in ("0.bias", "1.weight", "1.bias", "4.bias")], "weight_decay": 0.0},
        ],
        foreach=False,
    )
    assert len(learning) == 6
    norms = []
    for step in range(40):
        for group in reference.param_groups:
            group["lr"] = batch(step)[2]
        reference.zero_grad()
        loss_of(oracle, step).backward()
        norms.append(sum(p.grad.square().sum().item() for p in learning.values()) ** 0.5)
        nn.utils.clip_grad_norm_(learning.values(), CLIP)
        reference.step()
        (returned,) = train(module, optimizer, range(step, step + 1))
        # The norm that is returned is the one before clipping.
        assert returned.shape == () and not returned.requires_grad
        assert returned.item() == pytest.approx(norms[-1], rel=1e-9)
        for found, expected in zip(module.parameters(), oracle.parameters(), strict=True):
            torch.testing.assert_close(found, expected, atol=1e-10, rtol=1e-9)
    assert min(norms) < CLIP < max(norms)
    assert int(optimizer.first_bad) == -1


def orthogonalised_by_svd(matrix: np.ndarray) -> np.ndarray:
    """Five steps of the quintic iteration of Jordan et al. (2024) on singular values, by SVD."""
    left, values, right = np.linalg.svd(matrix / np.linalg.norm(matrix), full_matrices=False)
    for _ in range(5):
        values = 3.4445 * values - 4.7750 * values**3 + 2.0315 * values**5
    return left @ np.diag(values) @ right


def test_hidden_matrices_follow_the_formulas_of_muon():
    """Nesterov momentum of 0.95, orthogonalised, as large as AdamW's steps (0.2 sqrt(longer side)), decoupled decay."""
    module = network()
    optimizer = GuardedOptimizer(module, DECAY, 1e9, hidden_of(module), torch.float64)
    weights = [p.detach().numpy().copy() for p in hidden_of(module)]
    momenta = [np.zeros_like(w) for w in weights]
    for step in range(6):
        rate, loss = batch(step)[2], loss_of(module, step)
        gradients = [g.numpy().copy() for g in torch.autograd.grad(loss, hidden_of(module), retain_graph=True)]
        learn(optimizer, loss, step, rate)
        for i, gradient in enumerate(gradients):
            momenta[i] = 0.95 * momenta[i] + 0.05 * gradient
            update = orthogonalised_by_svd(0.05 * gradient + 0.95 * momenta[i])
            weights[i] = weights[i] * (1 - rate * DECAY) - rate * 0.2 * max(gradient.shape) ** 0.5 * update
            np.testing.assert_allclose(hidden_of(module)[i].detach().numpy(), weights[i], rtol=1e-9, atol=1e-11)


def several_shapes(dtype: torch.dtype = torch.float32) -> nn.ModuleDict:
    """Tall, wide and square matrices, several of some shapes."""
    generator = torch.Generator().manual_seed(0)
    shapes = {"tall": (24, 8), "taller": (24, 8), "wide": (8, 24), "square": (8, 8), "larger": (16, 40), "row": (1, 8)}
    module = nn.ModuleDict({name: nn.Linear(shape[1], shape[0]) for name, shape in shapes.items()})
    for parameter in module.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator)
    return module.to(dtype)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.bfloat16, 0.05), (torch.float32, 0.05)])
def test_steps_equal_torch_muon_to_the_rounding_of_its_type(dtype, tolerance):
    """torch's iterates in bfloat16, whose rounding is a few per cent of a singular value after five steps."""
    ours, oracle = several_shapes(), several_shapes()
    matrices = [[layer.weight for layer in module.values()] for module in (ours, oracle)]
    optimizer = GuardedOptimizer(ours, DECAY, 1e9, matrices[0], dtype)
    reference = torch.optim.Muon(matrices[1], weight_decay=DECAY, adjust_lr_fn="match_rms_adamw")
    rate = 0.02
    reference.param_groups[0]["lr"] = rate
    generator = torch.Generator().manual_seed(1)
    for step in range(3):
        for own, other in zip(*matrices, strict=True):
            gradient = torch.randn(own.shape, generator=generator)
            own.grad.copy_(gradient)
            other.grad = gradient.clone()
        optimizer.step(torch.zeros(()), step, rate)
        reference.step()
        for own, other in zip(*matrices, strict=True):
            size = rate * 0.2 * max(own.shape) ** 0.5
            torch.testing.assert_close(own, other, atol=tolerance * size, rtol=0)
            # One step at a time: what rounding left behind is not carried on.
            own.data.copy_(other.data)


@pytest.mark.parametrize("shape", [(8, 8), (8, 24), (24, 8), (128, 832), (1, 5)])
@pytest.mark.parametrize("spectrum", ["random", "ill-conditioned", "rank one"])
def test_singular_values_follow_the_polynomial_in_float32(shape, spectrum):
    generator = np.random.default_rng(0)
    left, values, right = np.linalg.svd(generator.normal(size=shape), full_matrices=False)
    if spectrum == "ill-conditioned":
        values = np.logspace(0, -7, len(values))
    elif spectrum == "rank one":
        values = np.eye(1, len(values))[0]
    matrix = left @ np.diag(values) @ right
    wide = torch.from_numpy(matrix if shape[0] <= shape[1] else matrix.T).float()
    (found,) = orthogonalised([wide[None]], torch.float32)
    expected = orthogonalised_by_svd(wide.double().numpy())
    difference = np.linalg.svd(found[0].double().numpy() - expected, compute_uv=False)
    assert difference.max() < 2e-3
    if spectrum == "random":
        assert 0.3 < np.linalg.svd(found[0].numpy(), compute_uv=False).min() <= 1.3


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_stacks_together_equal_matrices_one_by_one(dtype):
    generator = torch.Generator().manual_seed(0)
    stacks = [
        torch.randn(shape, generator=generator, dtype=torch.float64) for shape in ((3, 8, 8), (2, 8, 24), (1, 4, 9))
    ]
    together = orthogonalised(stacks, dtype)
    for stack, found in zip(stacks, together, strict=True):
        assert found.dtype == dtype and found.shape == stack.shape
        for matrix, own in zip(stack, found, strict=True):
            torch.testing.assert_close(
                own, orthogonalised([matrix[None]], dtype)[0][0], atol=0.02 if dtype == torch.bfloat16 else 1e-4, rtol=0
            )


def test_a_matrix_of_zeros_stays_one():
    for dtype in (torch.float32, torch.bfloat16):
        assert not orthogonalised([torch.zeros(2, 3, 5)], dtype)[0].any()


def test_the_type_of_a_cpu_is_float32():
    assert orthogonal_dtype(torch.device("cpu")) == torch.float32
    module = several_shapes()
    optimizer = GuardedOptimizer(module, DECAY, CLIP, [module["tall"].weight])
    assert optimizer.muon.dtype == torch.float32


def test_a_state_of_torch_optimizers_is_gone_on_with():
    """Checkpoints of before hold what torch.optim.AdamW and torch.optim.Muon saved."""
    ours, oracle = network(), network()
    hidden = hidden_of(oracle)
    rest = [oracle[1].weight, oracle[0].bias, oracle[1].bias, oracle[4].bias]
    adamw = torch.optim.AdamW(
        [{"params": sorted(rest, key=lambda p: [id(q) for q in oracle.parameters()].index(id(p))), "weight_decay": 0.0}]
    )
    muon = torch.optim.Muon(hidden, weight_decay=DECAY, adjust_lr_fn="match_rms_adamw")
    for step in range(4):
        loss_of(oracle, step).backward()
        for one in (adamw, muon):
            one.param_groups[0]["lr"] = batch(step)[2]
            one.step()
            one.zero_grad()
    optimizer = GuardedOptimizer(ours, DECAY, 1e9, hidden_of(ours), torch.float64)
    ours.load_state_dict(oracle.state_dict())
    optimizer.load_state_dict(adamw.state_dict() | {"muon": muon.state_dict()})
    saved = optimizer.state_dict()
    assert all(float(part["step"]) == 4 for part in saved["state"].values())
    for number, part in adamw.state_dict()["state"].items():
        assert_bits_equal(
            [saved["state"][number][name] for name in ("exp_avg", "exp_avg_sq")], [part["exp_avg"], part["exp_avg_sq"]]
        )
    for number, part in muon.state_dict()["state"].items():
        assert_bits_equal([saved["muon"]["state"][number]["momentum_buffer"]], [part["momentum_buffer"]])
    # The next step of AdamW's parameters is torch's.
    loss_of(oracle, 4).backward()
    adamw.param_groups[0]["lr"] = batch(4)[2]
    adamw.step()
    train(ours, optimizer, range(4, 5))
    for found, expected in ((ours[0].bias, oracle[0].bias), (ours[4].bias, oracle[4].bias)):
        torch.testing.assert_close(found, expected, atol=1e-10, rtol=1e-9)


def test_a_state_of_another_network_is_refused():
    small, large = network(), several_shapes(torch.float64)
    wrote = GuardedOptimizer(large, DECAY, CLIP, [large["tall"].weight])
    reads = GuardedOptimizer(small, DECAY, CLIP, hidden_of(small))
    with pytest.raises(CheckpointError, match="fits none of this network"):
        reads.load_state_dict(wrote.state_dict())


@pytest.mark.parametrize(("found", "expected"), [("AdamW and Muon", "AdamW alone"), ("AdamW alone", "AdamW and Muon")])
def test_a_state_of_another_kind_of_optimizer_is_refused(found, expected):
    def optimizer_of(module: nn.Module, kind: str) -> GuardedOptimizer:
        return GuardedOptimizer(module, DECAY, CLIP, hidden_of(module) if kind == "AdamW and Muon" else ())

    module = network()
    wrote = optimizer_of(module, found)
    train(module, wrote, range(2))
    with pytest.raises(CheckpointError, match=f"was trained with {found}, this version trains with {expected}"):
        optimizer_of(network(), expected).load_state_dict(wrote.state_dict())


def test_what_is_frozen_stays_and_has_no_moments():
    module = network()
    before = [p.clone() for p in module[2].parameters()]
    optimizer = GuardedOptimizer(module, DECAY, CLIP)
    train(module, optimizer, range(3))
    assert_bits_equal(list(module[2].parameters()), before)
    assert len(optimizer.state_dict()["state"]) == sum(p.requires_grad for p in module.parameters()) == 6
    assert all(not torch.equal(p, q) for p, q in zip(module[0].parameters(), network()[0].parameters(), strict=True))


def test_no_parameter_that_learns_is_an_error():
    with pytest.raises(ValueError, match="everything is frozen"):
        GuardedOptimizer(network().requires_grad_(False), DECAY, CLIP)


@pytest.mark.parametrize("keep", ["weight", "bias"])
def test_a_module_of_matrices_or_of_vectors_alone_learns(keep):
    module = nn.Linear(3, 2).double()
    for name, parameter in module.named_parameters():
        parameter.requires_grad_(name == keep)
    before = {name: p.clone() for name, p in module.named_parameters()}
    train(module, GuardedOptimizer(module, DECAY, CLIP), range(1))
    assert {name for name, p in module.named_parameters() if not torch.equal(p, before[name])} == {keep}


def infinite_gradient(module: nn.Module) -> Tensor:
    """0, with an infinite derivative."""
    weight = module[0].weight[0, 0]
    return (weight - weight.detach()).sqrt()


BAD = {
    "loss is NaN, its gradient finite": lambda module: torch.tensor(torch.nan),
    "loss is infinite, its gradient finite": lambda module: torch.tensor(-torch.inf),
    "loss is finite, its gradient infinite": infinite_gradient,
    "loss is finite, its gradient NaN": lambda module: 0.0 * infinite_gradient(module),
}


@pytest.mark.parametrize("make_bad", BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("good_steps", [0, 4])
@pytest.mark.parametrize("with_muon", [False, True])
def test_a_bad_step_changes_nothing_nor_does_any_later_one(make_bad: Callable, good_steps, with_muon):
    module = network()
    optimizer = GuardedOptimizer(module, DECAY, CLIP, hidden_of(module) if with_muon else ())
    train(module, optimizer, range(good_steps))
    before = copy_of(module, optimizer)
    loss = loss_of(module, good_steps) + make_bad(module)
    assert loss.isfinite() == (make_bad not in list(BAD.values())[:2])
    learn(optimizer, loss, good_steps, 0.1)
    assert int(optimizer.first_bad) == good_steps
    assert optimizer.first_bad.shape == ()
    # Good ones, and a second bad one, which is not the first.
    train(module, optimizer, range(good_steps + 1, good_steps + 4))
    learn(optimizer, loss_of(module, 99) + make_bad(module), 99, 0.1)
    assert int(optimizer.first_bad) == good_steps
    assert_bits_equal(copy_of(module, optimizer), before)


def test_nothing_is_left_behind_by_a_step_for_the_next():
    """Two gradients must not add up: the second step of a pair sees its own alone."""
    module = network()
    optimizer = GuardedOptimizer(module, DECAY, CLIP)
    train(module, optimizer, range(1))
    assert all(p.grad is None or not p.grad.any() for p in module.parameters())


def test_a_learning_rate_of_zero_moves_only_the_moments():
    module = network()
    optimizer = GuardedOptimizer(module, DECAY, CLIP)
    train(module, optimizer, range(2))
    parameters = [p.detach().clone() for p in module.parameters()]
    moments = copy_of(module, optimizer)[len(parameters) :]
    optimizer.step(loss_of(module, 2), 2, 0.0)
    assert_bits_equal(list(module.parameters()), parameters)
    changed = [
        not torch.equal(a, b) for a, b in zip(copy_of(module, optimizer)[len(parameters) :], moments, strict=True)
    ]
    assert all(changed)


@pytest.mark.parametrize("with_muon", [False, True])
def test_a_saved_state_goes_on_to_the_bit(tmp_path, with_muon):
    def optimizer_of(module: nn.Module) -> GuardedOptimizer:
        return GuardedOptimizer(module, DECAY, CLIP, hidden_of(module) if with_muon else ())

    whole, part = network(), network()
    optimizer = optimizer_of(whole)
    train(whole, optimizer, range(10))

    first = optimizer_of(part)
    train(part, first, range(6))
    save_checkpoint(tmp_path / "latest.pt", {"optimizer": first.state_dict(), "model": part.state_dict()})
    state = load_checkpoint(tmp_path / "latest.pt")
    resumed = network(seed=5)
    resumed.load_state_dict(state["model"])
    second = optimizer_of(resumed)
    second.load_state_dict(state["optimizer"])
    train(resumed, second, range(6, 10))
    assert_bits_equal(copy_of(resumed, second), copy_of(whole, optimizer))

    # Without its moments the optimiser goes elsewhere.
    fresh = network(seed=5)
    fresh.load_state_dict(state["model"])
    train(fresh, optimizer_of(fresh), range(6, 10))
    assert not torch.equal(fresh[0].weight, whole[0].weight)


def test_the_average_of_weights_follows_its_formula():
    module = network()
    optimizer = GuardedOptimizer(module, DECAY, CLIP, hidden_of(module))
    average = WeightAverage(optimizer, 0.9)
    expected = None
    for step in range(5):
        train(module, optimizer, range(step, step + 1))
        average.update()
        now = [p.detach().clone() for p in module.parameters()]
        expected = now if expected is None else [0.9 * a + 0.1 * b for a, b in zip(expected, now, strict=True)]
        for found, value in zip(average.module.parameters(), expected, strict=True):
            torch.testing.assert_close(found, value, atol=1e-12, rtol=1e-12)
    assert average.updates == 5
    assert not any(p.requires_grad for p in average.module.parameters())
    # The copy is one: training goes on without it.
    before = [p.clone() for p in average.module.parameters()]
    train(module, optimizer, range(5, 6))
    assert_bits_equal(list(average.module.parameters()), before)


def test_gradients_that_were_detached_are_an_error_not_a_step():
    module = network()
    optimizer = GuardedOptimizer(module, DECAY, CLIP, hidden_of(module))
    train(module, optimizer, range(1))
    before = copy_of(module, optimizer)
    module.zero_grad()
    loss = loss_of(module, 1)
    loss.backward()
    with pytest.raises(RuntimeError, match="leave gradients and types as they are"):
        optimizer.step(loss, 1, 0.1)
    assert_bits_equal(copy_of(module, optimizer), before)


def test_a_damaged_state_of_a_parameter_is_refused():
    module = network()
    optimizer = GuardedOptimizer(module, DECAY, CLIP)
    train(module, optimizer, range(1))
    state = optimizer.state_dict()
    del state["state"][0]["exp_avg"]
    with pytest.raises(CheckpointError, match="fits none of this network"):
        optimizer.load_state_dict(state)


def test_a_step_imports_no_compiler():
    """torch's AdamW, as a class, imports torch._dynamo: two seconds and 70 MB of every start of a training."""
    program = (
        "import sys, torch\n"
        "from har.run.optimizer import GuardedOptimizer\n"
        "module = torch.nn.Linear(3, 2)\n"
        "optimizer = GuardedOptimizer(module, 0.1, 1.0)\n"
        "loss = module(torch.ones(1, 3)).sum()\n"
        "loss.backward()\n"
        "optimizer.step(loss, 0, 0.1)\n"
        "print('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "False\n"
