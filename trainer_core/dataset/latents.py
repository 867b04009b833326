"""Pictures as the VAE sees them: encoded once and kept by their content, or anew at each step.

What is kept is the posterior (mean and log variance): the sample of a step is drawn from it by (epoch, item, copy). Each
picture is encoded by itself, so that nothing depends on which others were encoded beside it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from ..problems import UserError
from ..randomness import generator, normal
from .augment import plain_pixels, varied_pixels
from .batches import Batch
from .items import Item, TrainingSet
from .pictures import DAMAGES, load_picture
from .sizes import is_mirrored
from .tensor_files import TensorFiles

_VERSION = 1
_MOMENTS = "moments"
_READ_AHEAD = 8

Progress = Callable[[int, int], None]
Job = tuple[Item, bool]  # a picture, and whether it is mirrored


class Latents:
    """The latents of a training set.

    cached: encode all in `prepare` and keep them in memory, with `cache_folder` on disk too; `vae_key` names the VAE's
    content. device, dtype: where and in what the VAE computes. batch_size: pictures that are read ahead of the VAE.
    """

    def __init__(
        self,
        training_set: TrainingSet,
        vae: Any,
        *,
        cached: bool,
        cache_folder: Path | None,
        vae_key: str,
        scaling_factor: float,
        device: Any,
        dtype: torch.dtype,
        batch_size: int,
        seed: int,
    ) -> None:
        self.training_set, self.vae, self.cached, self.seed = training_set, vae, cached, seed
        self.vae_key, self.scaling_factor, self.device, self.dtype = vae_key, scaling_factor, device, dtype
        self.read_ahead = max(batch_size, _READ_AHEAD)
        self.files = TensorFiles(cache_folder, "latent") if cached and cache_folder else None
        self._keys: dict[tuple[int, bool], str] = {}
        self._moments: dict[str, torch.Tensor] = {}

    @property
    def notices(self) -> list[str]:
        """What the user is to be told about the files on disk."""
        return self.files.notices if self.files else []

    def prepare(
        self,
        progress: Progress | None = None,
        mine: Callable[[Sequence[Job]], Sequence[Job]] = list,
        pooled: Callable[[dict], dict] = dict,
    ) -> None:
        """Encodes what neither memory nor disk holds. Raises UserError where a picture or the VAE fails.

        mine: this process's share of what is to be encoded; pooled: what all processes have made.
        """
        if not self.cached:
            return
        jobs = mine([(item, mirrored) for item in self.training_set.items for mirrored in _mirrorings(item)])
        for done, (job, key, pixels) in enumerate(self._ahead(jobs), 1):
            self._keys[job[0].index, job[1]] = key
            if pixels is not None and key not in self._moments:
                self._moments[key] = self._encode(pixels, job[0])
                if self.files:
                    self.files.write(key, {_MOMENTS: self._moments[key]})
            if progress:
                progress(done, len(jobs))
        self._keys, self._moments = pooled(self._keys), pooled(self._moments)
        for notice in self.notices:
            print(f"note: {notice}", flush=True)

    def batch(self, batch: Batch, epoch: int) -> torch.Tensor:
        """Latents of the batch in `epoch` (from 0): float32 [batch, channels, height / 8, width / 8] on the CPU, scaled."""
        samples = []
        for drawn in batch.draws:
            item, key = self.training_set.items[drawn.item], (epoch, drawn.item, drawn.copy)
            mirrored = is_mirrored(item, self.seed, key)
            if self.cached:
                moments = self._moments[self._keys[drawn.item, mirrored]]
            else:
                moments = self._encode(self._varied(item, mirrored, key), item)
            mean, log_variance = moments.chunk(2)
            noise = torch.from_numpy(normal(tuple(mean.shape), self.seed, "posterior", *key))
            samples.append((mean + torch.exp(0.5 * log_variance) * noise) * self.scaling_factor)
        return torch.stack(samples)

    def _ahead(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, str, np.ndarray | None]]:
        """Each job's key, and its pixels where its latent isn't at hand yet; pictures are read and decoded in threads."""
        with ThreadPoolExecutor(_READ_AHEAD) as pool:
            for start in range(0, len(jobs), self.read_ahead):
                part = jobs[start : start + self.read_ahead]
                for job, (key, pixels) in zip(part, pool.map(self._read, part), strict=True):
                    yield job, key, pixels

    def _read(self, job: Job) -> tuple[str, np.ndarray | None]:
        item, mirrored = job
        content = _bytes_of(item)
        key = self._key(content, item, mirrored)
        if key in self._moments:
            return key, None
        if self.files and (found := self.files.read(key)) is not None and _MOMENTS in found:
            self._moments[key] = found[_MOMENTS]
            return key, None
        pixels = plain_pixels(_decoded(item, content), item)
        return key, pixels[:, ::-1] if mirrored else pixels

    def _key(self, content: bytes, item: Item, mirrored: bool) -> str:
        """All that the moments depend on: the picture's bytes, its place in the bucket, and the VAE."""
        fit, interpolation = item.fit, item.subset.options.resize_interpolation
        words = (_VERSION, fit.bucket, fit.resized, fit.crop, mirrored, interpolation, self.vae_key, str(self.dtype))
        return hashlib.sha256(hashlib.sha256(content).digest() + repr(words).encode()).hexdigest()

    def _varied(self, item: Item, mirrored: bool, key: tuple[int, int, int]) -> np.ndarray:
        buckets = self.training_set.datasets[item.subset.dataset].enable_bucket
        picture = _decoded(item, _bytes_of(item))
        pixels = varied_pixels(picture, item, generator(self.seed, "augment", *key), buckets=buckets)
        return pixels[:, ::-1] if mirrored else pixels

    def _encode(self, pixels: np.ndarray, item: Item) -> torch.Tensor:
        """uint8 [height, width, 3] → mean and log variance, float32 [2 × channels, height / 8, width / 8] on the CPU."""
        image = torch.from_numpy(np.array(pixels)).permute(2, 0, 1)[None].float() / 127.5 - 1
        with torch.no_grad():
            posterior = self.vae.encode(image.to(self.device, self.dtype)).latent_dist
        moments = torch.cat([posterior.mean, posterior.logvar], dim=1)[0].float().cpu()
        if not bool(moments.isfinite().all()):
            raise UserError(
                f"The VAE gives no finite numbers for {item.path}: give another one with --vae, or set mixed_precision to no."
            )
        return moments


def _mirrorings(item: Item) -> tuple[bool, ...]:
    return (False, True) if item.subset.options.flip_aug else (False,)


def _decoded(item: Item, content: bytes) -> Image.Image:
    try:
        return load_picture(item.path, content)
    except DAMAGES as error:  # whole when the plan was made
        raise UserError(
            f"The picture {item.path} is corrupt ({error}): save it anew or take it away, and plan again."
        ) from error


def _bytes_of(item: Item) -> bytes:
    try:
        return item.path.read_bytes()
    except OSError as error:
        raise UserError(f"The picture {item.path} can't be read any more ({error.strerror or error}): plan again.") from error
