"""Parameters that lie in one tensor are still parameters."""

import pytest
import torch
from torch import nn

from har.run.flat import FlatParameters


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 5), nn.Linear(5, 5), nn.Linear(5, 5), nn.LayerNorm(5))


def test_values_gradients_and_outputs_are_those_of_before():
    module, oracle = network(), network()
    flat = FlatParameters(list(module.parameters()))
    gradients = flat.collect_gradients()
    inputs = torch.randn(7, 3)
    for one in (module, oracle):
        one(inputs).square().sum().backward()
    for own, part, gradient, other in zip(
        module.parameters(), flat.split(flat.values), flat.split(gradients), oracle.parameters(), strict=True
    ):
        assert torch.equal(own, other) and torch.equal(part, other)
        assert torch.equal(own.grad, other.grad) and torch.equal(gradient, other.grad)
    # Nothing but the parameters and zeros between them.
    expected = sum(float(p.detach().square().sum()) for p in oracle.parameters())
    assert float(flat.values.square().sum()) == pytest.approx(expected)


def test_a_second_backward_adds_to_the_first():
    module, oracle = network(), network()
    FlatParameters(list(module.parameters())).collect_gradients()
    for one in (module, oracle):
        for scale in (1.0, 2.0):
            one(torch.full((2, 3), scale)).sum().backward()
    for own, other in zip(module.parameters(), oracle.parameters(), strict=True):
        torch.testing.assert_close(own.grad, other.grad)


def test_changing_the_tensor_changes_the_module_and_loading_changes_the_tensor():
    module = network()
    flat = FlatParameters(list(module.parameters()))
    flat.values.fill_(2.0)
    assert all((p == 2.0).all() for p in module.parameters())
    module.load_state_dict(network().state_dict())
    assert torch.equal(flat.split(flat.values)[0], network()[0].weight)


def test_a_stack_holds_parameters_of_one_shape_in_order():
    module = network()
    flat = FlatParameters([module[1].weight, module[2].weight, module[0].bias])
    stack = flat.stack(flat.values, 0, 2)
    assert stack.shape == (2, 5, 5)
    assert torch.equal(stack[0], module[1].weight) and torch.equal(stack[1], module[2].weight)
    stack.mul_(0.0)
    assert not module[2].weight.any() and module[0].bias.any()


def test_parameters_of_two_types_are_refused():
    module = network()
    module[0].double()
    with pytest.raises(ValueError, match="expected one type on one device"):
        FlatParameters(list(module.parameters()))
