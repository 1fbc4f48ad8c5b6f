"""Teachers: what they say equals what their own model and bank say, and who cannot teach is refused."""

from pathlib import Path

import pytest
import torch

from har.network.alignment import AlignmentModel
from har.network.config import NetworkConfig
from har.network.loading import load_model
from har.network.release import store_calibration
from har.network.upgrade import CHECKPOINT_FORMAT
from har.run.checkpoint import CheckpointError, plain_state_dict, save_checkpoint
from har.run.folder import write_json
from har.text.calibration import STANDARD
from har.text.encoder import TextFeatures
from har.text.label_bank import LearnableLabelBank
from har.training.teachers import Teachers
from har.windows.batch import empty_windows

TEXT_WIDTH = 12
BANK = {"text_width": TEXT_WIDTH, "pooled_width": TEXT_WIDTH, "width": 8, "num_prototypes": 2, "num_heads": 2}
FEATURES = {
    name: torch.randn(TEXT_WIDTH, generator=torch.Generator().manual_seed(len(name))) for name in ("hip", "wrist")
}


def network(**changes: object) -> NetworkConfig:
    sizes = {"sensors": ("acc", "gyro"), "sampling_rate_hz": 25.0, "window_s": 2.0, "patch_s": 1.0}
    sizes |= {"stem_widths": (4, 8), "width": 16, "depth": 1, "heads": 2, "mlp_ratio": 2.0, "embedding_width": 8}
    return NetworkConfig(**sizes | {"text_width": TEXT_WIDTH, "dropout": 0.0} | changes)


def model_of(config: NetworkConfig, placements: list[str], seed: int) -> AlignmentModel:
    torch.manual_seed(seed)
    return AlignmentModel(config, placements, torch.stack([FEATURES[name] for name in placements])).eval()


def saved(
    folder: Path, model: AlignmentModel, bank: LearnableLabelBank, text_encoder: str = "all-MiniLM-L6-v2"
) -> Path:
    folder.mkdir()
    write_json(folder / "hyperparameters.json", {"TEXT_CACHE": "cache"})
    state = {
        "format": CHECKPOINT_FORMAT, "model": plain_state_dict(model), "label_bank": plain_state_dict(bank),
        "network": model.config.to_dict(), "placements": model.placements, "labels": ["walking"], "datasets": ["a"],
        "text_encoder": text_encoder, "bank": BANK,
    }  # fmt: skip
    return save_checkpoint(folder / "best.pt", state) or folder / "best.pt"


def text() -> TextFeatures:
    generator = torch.Generator().manual_seed(5)
    tokens = torch.randn(3, 4, TEXT_WIDTH, generator=generator)
    pooled = torch.nn.functional.normalize(torch.randn(3, TEXT_WIDTH, generator=generator), dim=1)
    return TextFeatures(tokens, torch.ones(3, 4, dtype=torch.bool), pooled)


def windows(placement: int):
    found = empty_windows(2, 1, 50)
    found.signal[:] = torch.randn(found.signal.shape, generator=torch.Generator().manual_seed(6))
    found.valid[:] = True
    found.placement[:] = placement
    return found


def test_each_says_what_its_model_and_bank_say(tmp_path):
    """The student counts its placements otherwise: a teacher reads the text that is meant."""
    student = model_of(network(width=8), ["hip", "wrist"], 0)
    members = [(model_of(network(), ["wrist"], seed), LearnableLabelBank(**BANK).eval()) for seed in (1, 2)]
    for scale, (_, bank) in zip((14.0, 20.0), members, strict=True):
        bank.set_logit_scale(scale)
    paths = [saved(tmp_path / str(number), *member) for number, member in enumerate(members)]
    teachers = Teachers(paths, student, "all-MiniLM-L6-v2")
    found = teachers.embed(windows(student.placement_row["wrist"]), text(), torch.tensor([2, 0]))
    with torch.no_grad():
        for number, (model, bank) in enumerate(members):
            own = model(windows(model.placement_row["wrist"])).window
            assert torch.equal(found[2 * number], own)
            assert not torch.allclose(own, model(windows(0)).window, atol=1e-3)
            assert torch.equal(found[2 * number + 1], bank(*text())[[2, 0]])
    paired = teachers.paired(found)
    assert [id(part) for *parts, _ in paired for part in parts] == [id(part) for part in found]
    assert [float(scale) for *_, scale in paired] == [14.0, 20.0]


def test_the_released_model_can_teach():
    student, _, _ = load_model("default")
    teachers = Teachers(["default"], student, "all-MiniLM-L6-v2")
    ((*_, scale),) = teachers.paired([torch.zeros(1, 1)] * 2)
    assert float(scale) > 1


def test_teachers_are_not_taught(tmp_path):
    student = model_of(network(), ["hip", "wrist"], 0)
    path = saved(tmp_path / "run", model_of(network(), ["wrist"], 1), LearnableLabelBank(**BANK))
    found = Teachers([path], student, "all-MiniLM-L6-v2").embed(windows(1), text(), torch.tensor([0, 1]))
    assert not any(part.requires_grad for part in found)


@pytest.mark.parametrize(
    ("change", "encoder", "told"),
    [
        ({"sampling_rate_hz": 50.0}, "all-MiniLM-L6-v2", "sampling_rate_hz: 25.0 here, 50.0 in the checkpoint"),
        ({"sensors": ("acc",)}, "all-MiniLM-L6-v2", "sensors: "),
        ({}, "all-mpnet-base-v2", "text_encoder: 'all-MiniLM-L6-v2' here, 'all-mpnet-base-v2' in the checkpoint"),
    ],
)
def test_who_has_another_input_cannot_teach(change, encoder, told, tmp_path):
    teacher = model_of(network(**change), ["wrist"], 1)
    path = saved(tmp_path / "run", teacher, LearnableLabelBank(**BANK), encoder)
    with pytest.raises(CheckpointError, match="cannot teach") as raised:
        Teachers([path], model_of(network(), ["wrist"], 0), "all-MiniLM-L6-v2")
    assert told in str(raised.value) and str(path) in str(raised.value)


def test_a_file_that_has_become_another_is_another_teacher(tmp_path):
    """A name says nothing of it: best.pt is written again by every better epoch, and a released model is replaced."""
    student = model_of(network(), ["hip", "wrist"], 0)
    other, bank = LearnableLabelBank(**BANK), LearnableLabelBank(**BANK)
    paths = [
        saved(tmp_path / name, model_of(network(), ["wrist"], 1), one) for name, one in (("a", bank), ("b", other))
    ]
    before = Teachers([paths[0]], student, "all-MiniLM-L6-v2").learned_from
    assert Teachers([paths[0]], student, "all-MiniLM-L6-v2").learned_from == before
    store_calibration(paths[0], STANDARD)  # which is asked by nobody who is taught
    assert Teachers([paths[0]], student, "all-MiniLM-L6-v2").learned_from == before
    paths[0].write_bytes(paths[1].read_bytes())
    assert Teachers([paths[0]], student, "all-MiniLM-L6-v2").learned_from != before
    assert Teachers([], student, "all-MiniLM-L6-v2").learned_from == {}


@pytest.mark.parametrize("weight", [-0.5, float("nan")])
def test_a_weight_that_teaches_the_contrary_is_refused(weight, tmp_path):
    with pytest.raises(ValueError, match="0 or more"):
        Teachers([], model_of(network(), ["hip"], 0), "all-MiniLM-L6-v2", weight)
