"""The contract by which scripts and notebooks load what training saved.

from val_scripts.human_activity_recognition.model_loading import load_model, load_label_bank

model, checkpoint, hyperparams_path = load_model("path/to/best.pt", device)
label_bank = load_label_bank(checkpoint, device, hyperparams_path)
"""

from har.network.loading import load_any_model, load_label_bank, load_model, load_pretrained_model

__all__ = ["load_any_model", "load_label_bank", "load_model", "load_pretrained_model"]
