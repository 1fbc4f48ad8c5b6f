"""A first-in-first-out queue of the last embeddings, as extra columns for a contrastive loss (MoCo, He et al. 2020)."""

from typing import Any

import torch
from torch import Tensor, nn

MIN_NORM = 1e-12  # below it torch.nn.functional.normalize no longer returns a unit vector
QUEUE_BUFFERS = ("imu_queue", "text_queue", "target_queue", "queue_ptr", "queue_count")


class MemoryBank(nn.Module):
    """Ring buffer of window embeddings with their text embeddings and, if wished, the targets of their labels.

    Everything lives in buffers, so `.to(device)` and `state_dict` cover it, write position and fill count included.
    Rows are detached and come back as they were given, in the type of their buffer (float32): a loss that compares
    directions normalises what it takes.

    Args:
        queue_size: rows kept, Q.
        embedding_dim: width D of both embeddings.
        device: where the buffers live; None is the CPU.
        target_dim: width T of what identifies a row's label (its frozen text embedding, or ids as (B, 1)); None: none.
        target_dtype: torch.float32 for text embeddings, torch.long for ids.
        prototypes: K text embeddings a label. Texts are (B, D) where K is None, else (B, K, D).

    Raises:
        ValueError: a size that is not positive.
    """

    def __init__(
        self,
        queue_size: int = 4096,
        embedding_dim: int = 256,
        device: str | torch.device | None = None,
        *,
        target_dim: int | None = None,
        target_dtype: torch.dtype = torch.float32,
        prototypes: int | None = None,
    ) -> None:
        super().__init__()
        sizes = {"queue_size": queue_size, "embedding_dim": embedding_dim}
        sizes |= {"target_dim": target_dim, "prototypes": prototypes}
        for name, size in sizes.items():
            if size is not None and size < 1:
                raise ValueError(f"{name} is {size}; expected at least 1")
        self.queue_size = queue_size
        self.embedding_dim = embedding_dim
        text_shape = (embedding_dim,) if prototypes is None else (prototypes, embedding_dim)
        self.register_buffer("imu_queue", torch.zeros(queue_size, embedding_dim, device=device))
        self.register_buffer("text_queue", torch.zeros(queue_size, *text_shape, device=device))
        target_queue = None
        if target_dim is not None:
            target_queue = torch.zeros(queue_size, target_dim, device=device, dtype=target_dtype)
        self.register_buffer("target_queue", target_queue)
        self.register_buffer("queue_ptr", torch.zeros((), dtype=torch.long, device=device))
        self.register_buffer("queue_count", torch.zeros((), dtype=torch.long, device=device))
        # The same two numbers for the host: reading a buffer on a GPU would wait for all work queued there.
        self._ptr, self._count = 0, 0

    def __len__(self) -> int:
        """Rows filled."""
        return self._count

    @property
    def ptr(self) -> int:
        """Slot that the next row is written to; in a full queue the oldest row lies there."""
        return self._ptr

    @property
    def is_full(self) -> bool:
        return self._count == self.queue_size

    @torch.no_grad()
    def update(self, imu: Tensor, text: Tensor, targets: Tensor | None = None, *, check: bool = True) -> None:
        """Append rows; the oldest make room. Of a batch larger than the queue the last rows remain.

        Args:
            imu: (B, D) window embeddings, any floating dtype, device and norm. B = 0 changes nothing.
            text: (B, D) or (B, K, D) as constructed.
            targets: (B, T), given exactly when the bank was made with `target_dim`.
            check: refuse rows that are not finite or have no direction. This waits for the device once; pass False
                where the loss of the same embeddings was already seen to be finite.

        Raises:
            ValueError: shapes that do not fit; "NaN detected" and "Zero-norm" name the rows. Nothing is written then.
        """
        rows = {"imu": imu, "text": text} | ({} if targets is None else {"targets": targets})
        self._check_shapes(rows)
        if imu.shape[0] == 0:
            return
        if check:
            _check_values(rows)
        kept = {name: row[-self.queue_size :].to(self.imu_queue.device) for name, row in rows.items()}
        written = kept["imu"].shape[0]
        slots = (self._ptr + torch.arange(written, device=self.imu_queue.device)) % self.queue_size
        for name, queue in self._queues().items():
            queue.index_copy_(0, slots, kept[name].to(queue.dtype))
        self._ptr = (self._ptr + written) % self.queue_size
        self._count = min(self._count + written, self.queue_size)
        self.queue_ptr.fill_(self._ptr)
        self.queue_count.fill_(self._count)

    def get_queue_embeddings(self, device: str | torch.device | None = None) -> tuple[Tensor, Tensor]:
        """Filled rows, oldest first: imu (len, D) and text (len, D) or (len, K, D).

        They are copies, which stay valid for a backward pass that runs after the next `update`.
        """
        return self._oldest_first(self.imu_queue, device), self._oldest_first(self.text_queue, device)

    def get_queue_targets(self, device: str | torch.device | None = None) -> Tensor | None:
        """Targets (len, T) of the same rows in the same order, a copy; None for a bank without targets."""
        return None if self.target_queue is None else self._oldest_first(self.target_queue, device)

    def _oldest_first(self, queue: Tensor, device: str | torch.device | None) -> Tensor:
        # Until the queue is full, ptr equals count and the first slice is empty.
        return torch.cat([queue[self._ptr : self._count], queue[: self._ptr]]).to(device or queue.device)

    def _queues(self) -> dict[str, Tensor]:
        """Buffers by the name of the argument of `update` that fills them."""
        queues = {"imu": self.imu_queue, "text": self.text_queue, "targets": self.target_queue}
        return {name: queue for name, queue in queues.items() if queue is not None}

    def _check_shapes(self, rows: dict[str, Tensor]) -> None:
        queues = self._queues()
        if rows.keys() != queues.keys():
            raise ValueError(f"update got {', '.join(rows)}; this bank was made for {', '.join(queues)}")
        for name, queue in queues.items():
            if rows[name].dim() == 0 or rows[name].shape[1:] != queue.shape[1:]:
                expected = ", ".join(["B", *map(str, queue.shape[1:])])
                raise ValueError(f"{name} has shape {tuple(rows[name].shape)}; expected ({expected})")
        if len({row.shape[0] for row in rows.values()}) > 1:
            found = ", ".join(f"{name} {row.shape[0]}" for name, row in rows.items())
            raise ValueError(f"rows differ in number: {found}; expected one text and one target a window")

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        """Refuse a queue of another size or width, also inside a larger module and with strict=False."""
        own = {name: tuple(buffer.shape) for name, buffer in self.named_buffers(recurse=False)}
        saved = {name: tuple(state_dict[prefix + name].shape) for name in QUEUE_BUFFERS if prefix + name in state_dict}
        if saved and saved != own:
            raise ValueError(
                f"the saved queue {prefix.rstrip('.')} has {saved}, this bank has {own} (queue_size, width); build the "
                "MemoryBank with the saved sizes, or leave the saved queue out and start with an empty one"
            )
        if saved:
            ptr, count = int(state_dict[prefix + "queue_ptr"]), int(state_dict[prefix + "queue_count"])
            if not (0 <= ptr < self.queue_size and count in (ptr, self.queue_size)):
                raise ValueError(
                    f"queue_ptr {ptr} and queue_count {count} contradict each other in a queue of {self.queue_size}: "
                    "the write position equals the count until the queue is full; the saved state is damaged"
                )
        super()._load_from_state_dict(state_dict, prefix, *args)
        self._ptr, self._count = int(self.queue_ptr), int(self.queue_count)


def _precise(dtype: torch.dtype) -> torch.dtype:
    return torch.float64 if dtype == torch.float64 else torch.float32


def _check_values(rows: dict[str, Tensor]) -> None:
    """Raise for rows that are not finite or have no direction; one device wait when all is well."""
    norms, sound = {}, []
    for name, row in rows.items():
        # Integer targets pass through the same test; as ids they may well be zero.
        norms[name] = torch.linalg.vector_norm(row.detach().to(_precise(row.dtype)), dim=-1).reshape(row.shape[0], -1)
        sound.append(torch.isfinite(norms[name]).all().to(rows["imu"].device))
        if name != "targets":
            sound.append((norms[name] > MIN_NORM).all().to(rows["imu"].device))
    if bool(torch.stack(sound).all()):
        return
    for name, norm in norms.items():
        bad = (~torch.isfinite(norm)).any(dim=1).nonzero().flatten().tolist()
        if bad:
            raise ValueError(f"NaN detected: {name} rows {bad} are NaN, infinite or overflow; the queue is unchanged")
    for name in ("imu", "text"):
        bad = (norms[name] <= MIN_NORM).any(dim=1).nonzero().flatten().tolist()
        if bad:
            raise ValueError(f"Zero-norm embeddings: {name} rows {bad} have no direction; the queue is unchanged")
