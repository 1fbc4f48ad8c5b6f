import os
import pickle
import subprocess
import sys
import warnings
import zipfile
from collections import OrderedDict, defaultdict

import numpy as np
import pytest
import torch
from torch import nn

from har.run.checkpoint import (
    CheckpointError,
    generator_states,
    load_checkpoint,
    plain_state_dict,
    restore_generators,
    save_checkpoint,
    unwrap,
)


class RunsCode:
    """Unpickling it with plain pickle would create the file ``target``."""

    def __init__(self, target):
        self.target = str(target)

    def __reduce__(self):
        return os.system, (f"touch '{self.target}'",)


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def test_the_state_of_a_whole_loop_reads_back(tmp_path):
    torch.manual_seed(0)
    model = network()
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.randn(5, 3)).sum().backward()
    optimizer.step()
    state = {
        "model": plain_state_dict(model),
        "optimizer": optimizer.state_dict(),
        "epoch": 3,
        "best": 0.25,
        "labels": ["walking", "lying"],
        "shape": (1, 2),
        "resumed_from": None,
        "ordered": OrderedDict(b=1, a=True),
    }
    save_checkpoint(tmp_path / "best.pt", state)
    loaded = load_checkpoint(tmp_path / "best.pt")
    assert list(loaded) == list(state)
    assert {key: loaded[key] for key in list(state)[2:]} == {key: state[key] for key in list(state)[2:]}
    for name, tensor in model.state_dict().items():
        assert torch.equal(loaded["model"][name], tensor)
    other, other_optimizer = network(), None
    other.load_state_dict(loaded["model"], strict=True)
    other_optimizer = torch.optim.AdamW(other.parameters())
    other_optimizer.load_state_dict(loaded["optimizer"])
    for a, b in zip(optimizer.state.values(), other_optimizer.state.values(), strict=True):
        assert torch.equal(a["exp_avg_sq"], b["exp_avg_sq"])
    assert torch.equal(torch.load(tmp_path / "best.pt", weights_only=True)["model"]["0.weight"], model[0].weight)


def test_saving_detaches_and_leaves_the_state_alone(tmp_path):
    parameter = nn.Parameter(torch.ones(2))
    state = {"a": {"b": parameter}}
    save_checkpoint(tmp_path / "a.pt", state)
    assert state["a"]["b"] is parameter
    loaded = load_checkpoint(tmp_path / "a.pt")["a"]["b"]
    assert type(loaded) is torch.Tensor and not loaded.requires_grad


def test_a_view_does_not_drag_its_storage_into_the_file(tmp_path):
    large = torch.arange(100_000.0)
    save_checkpoint(tmp_path / "a.pt", {"rows": large[10:14], "every": large[::25_000]})
    loaded = load_checkpoint(tmp_path / "a.pt")
    assert torch.equal(loaded["rows"], large[10:14]) and torch.equal(loaded["every"], large[::25_000])
    assert (tmp_path / "a.pt").stat().st_size < 10_000


@pytest.mark.parametrize(
    "value",
    [
        np.float64(1.0),
        np.int64(1),
        np.zeros(2),
        torch.device("cpu"),
        torch.float32,
        torch.Size([1]),
        {1, 2},
        defaultdict(int),
        b"bytes",
        nn.Linear(1, 1),
        torch.zeros(2, device="meta"),
        torch.zeros(2, 2).to_sparse(),
    ],
)
def test_anything_but_tensors_and_plain_values_is_refused_by_its_place(tmp_path, value):
    with pytest.raises(TypeError, match=r"^\['loop'\]\['parts'\]\[1\]"):
        save_checkpoint(tmp_path / "a.pt", {"loop": {"parts": [0, value]}})
    assert list(tmp_path.iterdir()) == []


def test_keys_and_top_level_are_checked(tmp_path):
    with pytest.raises(TypeError, match="key of type tuple"):
        save_checkpoint(tmp_path / "a.pt", {"a": {(1, 2): 3}})
    with pytest.raises(TypeError, match="found list"):
        save_checkpoint(tmp_path / "a.pt", [1])


@pytest.mark.parametrize("key", ["module.weight", "_orig_mod.weight", "encoder._orig_mod.weight"])
def test_the_prefix_of_a_wrapper_is_refused(tmp_path, key):
    with pytest.raises(ValueError, match="plain_state_dict"):
        save_checkpoint(tmp_path / "a.pt", {"model": {key: torch.zeros(1)}})


def test_a_name_that_merely_contains_module_is_fine(tmp_path):
    save_checkpoint(
        tmp_path / "a.pt", {"model": {"encoder.module.weight": torch.ones(1), "submodule.b": torch.ones(1)}}
    )
    assert set(load_checkpoint(tmp_path / "a.pt")["model"]) == {"encoder.module.weight", "submodule.b"}


def test_wrappers_leave_no_trace_in_names(tmp_path):
    bare = network()
    names = list(bare.state_dict())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wrapped = torch.compile(nn.DataParallel(torch.compile(bare)))
    assert unwrap(wrapped) is bare
    assert list(plain_state_dict(wrapped)) == names
    bare[0] = torch.compile(bare[0])
    assert list(bare.state_dict()) != names
    assert list(plain_state_dict(bare)) == names


# Ends without destructors: that of a process group joins a thread which may wait for the interpreter, for ever.
WRAPPED_IN_DISTRIBUTED_DATA_PARALLEL = """
import os, sys, torch
from torch import nn
from har.run.checkpoint import plain_state_dict

torch.distributed.init_process_group("gloo", init_method=f"file://{sys.argv[1]}", rank=0, world_size=1)
bare = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
wrapped = nn.parallel.DistributedDataParallel(bare)
assert next(iter(wrapped.state_dict())).startswith("module.")
assert list(plain_state_dict(wrapped)) == list(bare.state_dict())
print("found", flush=True)
os._exit(0)
"""


def test_the_network_inside_distributed_data_parallel_is_found(tmp_path):
    if not torch.distributed.is_available() or not torch.distributed.is_gloo_available():
        pytest.skip("torch was built without gloo")
    command = [sys.executable, "-c", WRAPPED_IN_DISTRIBUTED_DATA_PARALLEL, str(tmp_path / "meet")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "found\n"), done.stderr


def saved(path):
    save_checkpoint(path, {"weight": torch.arange(4096.0), "epoch": 1})
    return path


@pytest.mark.parametrize("kept", [0.02, 0.5, 0.98])
def test_a_truncated_file_is_named(tmp_path, kept):
    path = saved(tmp_path / "best.pt")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(CheckpointError, match=r"best\.pt .*damaged"):
        load_checkpoint(path)


def test_one_wrong_bit_in_a_tensor_is_found(tmp_path):
    path = saved(tmp_path / "best.pt")
    content = bytearray(path.read_bytes())
    content[content.index(torch.tensor([1000.0, 1001.0]).numpy().tobytes())] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="checksum"):
        load_checkpoint(path)


def resaved(path, change):
    """The file as torch.save writes it after a change of what it holds, digest included."""
    state = torch.load(path, weights_only=True)
    change(state)
    torch.save(state, path)


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.update(a=s["b"], b=s["a"]),
        lambda s: s["a"].view(-1).__setitem__(3, 7.0),
        lambda s: s.update(a=s["a"].double()),
        lambda s: s.update(a=s["a"].reshape(2, 6)),
        lambda s: s.update(a=s["a"].view(torch.int32)),
        lambda s: s.update(epoch=2),
        lambda s: s.update(epoch=True),
        lambda s: s.update(epoch=1.0),
        lambda s: s.update(labels=["ab", ""]),
        lambda s: s.update(labels=("a", "b")),
        lambda s: s.update(best=-0.0),
        lambda s: s.pop("best"),
        lambda s: s.update(new=None),
        lambda s: s.update(epoch=s.pop("epoch")),  # another order: of parameters, it decides
        lambda s: s.update(content_sha256=s["content_sha256"][:-1] + "x"),
    ],
)
def test_another_content_than_was_written_is_refused(tmp_path, change):
    path = tmp_path / "best.pt"
    state = {
        "a": torch.arange(12.0).reshape(3, 4),
        "b": torch.ones(3, 4),
        "epoch": 1,
        "labels": ["a", "b"],
        "best": 0.0,
    }
    save_checkpoint(path, state)
    resaved(path, lambda s: None)
    assert torch.equal(load_checkpoint(path)["a"], state["a"])
    resaved(path, change)
    with pytest.raises(CheckpointError, match=r"best\.pt holds another content than was written .* use another"):
        load_checkpoint(path)


def test_tensors_of_every_kind_are_what_was_saved(tmp_path):
    """Strides, elements of two bytes, of complex numbers and of none, and a view on others: all give one digest."""
    tensors = [
        torch.arange(6.0).reshape(2, 3).T, torch.tensor(True), torch.ones(3, dtype=torch.bfloat16), torch.zeros(0, 4),
        torch.tensor([1 + 2j]).conj(), torch.arange(9)[2:5], torch.tensor(float("nan")),
    ]  # fmt: skip
    save_checkpoint(tmp_path / "a.pt", {"tensors": tensors})
    for found, expected in zip(load_checkpoint(tmp_path / "a.pt")["tensors"], tensors, strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=0, equal_nan=True)


def test_a_file_of_a_former_version_has_no_digest_and_is_read(tmp_path):
    torch.save({"weight": torch.ones(2)}, tmp_path / "old.pt")
    assert load_checkpoint(tmp_path / "old.pt").keys() == {"weight"}
    save_checkpoint(tmp_path / "new.pt", load_checkpoint(tmp_path / "old.pt"))
    assert "content_sha256" in torch.load(tmp_path / "new.pt", weights_only=True)
    assert load_checkpoint(tmp_path / "new.pt").keys() == {"weight"}
    with pytest.raises(ValueError, match="content_sha256"):
        save_checkpoint(tmp_path / "new.pt", torch.load(tmp_path / "new.pt", weights_only=True))


def test_a_file_that_would_unpack_to_more_than_it_holds_is_refused(tmp_path):
    path = saved(tmp_path / "best.pt")
    with zipfile.ZipFile(path) as archive:
        parts = {part.filename: archive.read(part) for part in archive.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    assert torch.load(path, weights_only=True)["epoch"] == 1  # torch itself would unpack it
    with pytest.raises(CheckpointError, match="compressed"):
        load_checkpoint(path)


def test_wrong_paths_are_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"no checkpoint at .*missing\.pt"):
        load_checkpoint(tmp_path / "missing.pt")
    with pytest.raises(CheckpointError, match=r"is a folder.*best\.pt"):
        load_checkpoint(tmp_path)
    (tmp_path / "empty.pt").touch()
    with pytest.raises(CheckpointError, match="is empty"):
        load_checkpoint(tmp_path / "empty.pt")
    (tmp_path / "text.pt").write_text("these are not the weights you are looking for")
    with pytest.raises(CheckpointError, match="not a checkpoint") as refused:
        load_checkpoint(tmp_path / "text.pt")
    assert "weights_only" not in str(refused.value)  # torch advises to switch it off
    torch.save([torch.zeros(1)], tmp_path / "list.pt")
    with pytest.raises(CheckpointError, match="holds a list"):
        load_checkpoint(tmp_path / "list.pt")


@pytest.mark.parametrize("write", ["zip", "legacy", "pickle"])
def test_code_in_a_file_is_not_run(tmp_path, write):
    target, path = tmp_path / "was_here", tmp_path / "best.pt"
    state = {"epoch": 1, "weights": RunsCode(target)}
    if write == "pickle":
        path.write_bytes(pickle.dumps(state, protocol=2))
    else:
        torch.save(state, path, _use_new_zipfile_serialization=write == "zip")
    with pytest.raises(CheckpointError, match=r"refused.*system"):
        load_checkpoint(path)
    assert not target.exists()
    # The oracle: the same file does run code when read without care.
    torch.load(path, weights_only=False) if write != "pickle" else pickle.loads(path.read_bytes())
    assert target.exists()


def test_a_pickled_network_is_refused_by_its_class(tmp_path):
    torch.save({"model": nn.Linear(1, 1)}, tmp_path / "best.pt")
    with pytest.raises(CheckpointError, match=r"refused.*torch\.nn\.modules\.linear\.Linear"):
        load_checkpoint(tmp_path / "best.pt")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_a_missing_device_is_not_called_damage(tmp_path):
    with pytest.raises(CheckpointError, match="no CUDA device"):
        load_checkpoint(saved(tmp_path / "best.pt"), "cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_tensors_of_a_gpu_are_saved_from_the_cpu(tmp_path):
    weight = torch.arange(4.0, device="cuda")
    save_checkpoint(tmp_path / "best.pt", {"weight": weight})
    assert torch.load(tmp_path / "best.pt", weights_only=True)["weight"].device.type == "cpu"
    assert torch.equal(load_checkpoint(tmp_path / "best.pt", "cuda")["weight"], weight)


def test_generators_continue_where_they_were_saved(tmp_path):
    generators = {name: torch.Generator().manual_seed(seed) for seed, name in enumerate(("sampling", "masking"))}
    torch.rand(7, generator=generators["masking"])
    save_checkpoint(tmp_path / "a.pt", {"generators": generator_states(generators)})
    expected = {name: torch.rand(5, generator=generator) for name, generator in generators.items()}
    fresh = {name: torch.Generator() for name in generators}
    restore_generators(fresh, load_checkpoint(tmp_path / "a.pt")["generators"])
    for name, generator in fresh.items():
        assert torch.equal(torch.rand(5, generator=generator), expected[name])


def test_generators_of_another_script_are_refused():
    states = generator_states({"sampling": torch.Generator()})
    with pytest.raises(CheckpointError, match=r"\['sampling'\].*\['masking', 'sampling'\]"):
        restore_generators({"sampling": torch.Generator(), "masking": torch.Generator()}, states)
