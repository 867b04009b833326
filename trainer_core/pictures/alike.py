"""Pictures that are nearly the same: compared by their smallest copies, upright and mirrored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

SIDE = 32  # px of the grey copies that are compared
_FREQUENCIES = 8
_MOST_BITS = 12  # of 64 that may differ in the first, quick look
_MOST_APART = 0.55  # of the copies after both are brought to the same brightness and contrast; 0 equal, 1.4 unrelated
_PLAIN = 3.0  # grey levels: what varies less shows nothing to compare
_AT_ONCE = 512  # pictures compared with all others in one go: 10,000 take some 40 MB


def nearly_same(copies: np.ndarray) -> Iterator[tuple[int, int, bool]]:
    """(first, second, whether mirrored) of every two that are nearly the same; copies: [pictures, SIDE, SIDE] of grey bytes.

    First by pHash: the signs of the lowest frequencies (64 bits), then by the copies themselves, since a hash alone takes
    pictures of one layout for the same.
    """
    if len(copies) < 2:
        return
    own, mirrored = hashes(copies), hashes(copies[:, :, ::-1])
    told = copies.reshape(len(copies), -1).std(axis=1) > _PLAIN
    for start in range(0, len(copies), _AT_ONCE):
        part = own[start : start + _AT_ONCE]
        for other, flipped in ((own, False), (mirrored, True)):
            distance = np.bitwise_count(part[:, None] ^ other[None, start:])
            rows, columns = np.nonzero(distance <= _MOST_BITS)
            for row, column in zip((rows + start).tolist(), (columns + start).tolist(), strict=True):
                if row < column and told[row] and told[column] and apart(copies[row], copies[column], flipped) <= _MOST_APART:
                    yield row, column, flipped


def hashes(copies: np.ndarray) -> np.ndarray:
    """pHash of each: 64 bits, which of the 8×8 lowest frequencies but the mean are above their median."""
    basis = _cosines()
    low = basis @ copies.astype(np.float32) @ basis.T
    flat = low.reshape(len(copies), -1)
    flat[:, 0] = 0  # the mean brightness says nothing
    bits = flat > np.median(flat, axis=1, keepdims=True)
    return np.packbits(bits, axis=1).view(">u8").reshape(-1).astype(np.uint64)


def _cosines() -> np.ndarray:
    """The first rows of the cosine transform, [frequencies, SIDE]."""
    places = (np.arange(SIDE) + 0.5) * np.pi / SIDE
    return np.cos(np.outer(np.arange(_FREQUENCIES), places)).astype(np.float32)


def apart(one: np.ndarray, other: np.ndarray, flipped: bool) -> float:
    """The distance of two copies at the same mean and contrast."""
    return float(np.sqrt(np.mean((_even(one) - _even(other[:, ::-1] if flipped else other)) ** 2)))


def _even(copy: np.ndarray) -> np.ndarray:
    values = copy.astype(np.float32)
    return (values - values.mean()) / max(float(values.std()), 1.0)


def groups(pairs: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Those that belong together by any chain of pairs, each group in order."""
    parent: dict[int, int] = {}

    def root(one: int) -> int:
        while parent.setdefault(one, one) != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        return one

    for one, other in pairs:
        parent[max(root(one), root(other))] = min(root(one), root(other))
    found: dict[int, list[int]] = {}
    for one in sorted(parent):
        found.setdefault(root(one), []).append(one)
    return [members for members in found.values() if len(members) > 1]
