"""Random numbers that are fixed in time.

The same seed, name and hour give the same value, whatever range is asked for.

Noise is drawn in fixed blocks of the absolute clock by a counter-based generator (Philox, Salmon et al., SC
2011). Its key is a hash of seed, scope, name and block. Processes with a memory of days are filtered over
their own block and the one before, so no value depends on where a request begins. Processes with a memory of
years run from one fixed day.
"""

import hashlib
from datetime import date
from functools import lru_cache

import numpy as np
from scipy.signal import lfilter

from spot.arrays import Floats, Ints
from spot.errors import ConfigurationError

BLOCK_HOURS = 64 * 24
"""Hours of a block of noise: 64 days. Changing it changes every simulated value."""
ANCHOR_DAY = date(2010, 1, 1)
LAST_DAY = date(2049, 12, 31)
"""The simulated world runs from `ANCHOR_DAY` to `LAST_DAY`."""

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_ANCHOR = ANCHOR_DAY.toordinal() - _EPOCH_ORDINAL
_N_DAYS = LAST_DAY.toordinal() - ANCHOR_DAY.toordinal() + 8


def epoch_day(day: date) -> int:
    """Days since 1970-01-01.

    Raises:
        ConfigurationError: the simulated world does not reach that day.
    """
    if not ANCHOR_DAY < day <= LAST_DAY:
        raise ConfigurationError(
            f"no simulated market on {day}: it runs from the day after {ANCHOR_DAY} to {LAST_DAY}"
        )
    return day.toordinal() - _EPOCH_ORDINAL


def white_noise(seed: int, stream: str, block: int, size: int) -> Floats:
    """Standard normal numbers of one stream and block, `(size,)`."""
    return _generator(seed, stream, block).standard_normal(size)


def hourly_process(seed: int, stream: str, hours: Floats, time_constant_hours: float) -> Floats:
    """A standard normal AR(1) process, `(n,)`, at fractional `hours` since the epoch, `(n,)`.

    Correlation `exp(-dt / time constant)`, interpolated.
    """
    first, last = int(np.floor(hours.min())), int(np.floor(hours.max())) + 1
    blocks = range(first // BLOCK_HOURS, last // BLOCK_HOURS + 1)
    values = np.concatenate([_filtered_block(seed, stream, block, time_constant_hours) for block in blocks])
    whole = np.floor(hours)
    index = whole.astype(np.int64) - blocks[0] * BLOCK_HOURS
    share = hours - whole
    return values[index] * (1.0 - share) + values[index + 1] * share


def quarter_noise(seed: int, stream: str, quarters: Ints) -> Floats:
    """Independent standard normal numbers, `(n,)`, one for each of `quarters` since the epoch, `(n,)`."""
    size = BLOCK_HOURS * 4
    blocks = range(int(quarters.min()) // size, int(quarters.max()) // size + 1)
    values = np.concatenate([white_noise(seed, stream, block, size) for block in blocks])
    return values[quarters - blocks[0] * size]


@lru_cache(maxsize=256)
def daily_process(seed: int, stream: str, time_constant_days: float) -> Floats:
    """A standard normal AR(1) process of every day from `ANCHOR_DAY` on, `(days,)`.

    Index it with `daily_index`.
    """
    decay = float(np.exp(-1.0 / time_constant_days))
    values: Floats = lfilter([np.sqrt(1.0 - decay**2)], [1.0, -decay], white_noise(seed, stream, 0, _N_DAYS))
    values.setflags(write=False)
    return values


@lru_cache(maxsize=256)
def daily_events(seed: int, stream: str, chance_per_day: float, decay: float) -> Floats:
    """Rare events of every day from `ANCHOR_DAY` on, `(days,)`.

    Their sizes are uniform in 0..1 and fade by the factor `decay` a day.
    Index it with `daily_index`.
    """
    generator = _generator(seed, stream, 0)
    sizes = generator.random(_N_DAYS) * (generator.random(_N_DAYS) < chance_per_day)
    values: Floats = lfilter([1.0], [1.0, -decay], sizes)
    values.setflags(write=False)
    return values


def daily_index(
    epoch_days: Ints,
) -> Ints:
    """Position of days since 1970, `(n,)`, in the arrays of `daily_process` and `daily_events`."""
    return epoch_days - _ANCHOR


@lru_cache(maxsize=4096)
def _filtered_block(seed: int, stream: str, block: int, time_constant_hours: float) -> Floats:
    decay = float(np.exp(-1.0 / time_constant_hours))
    noise = np.concatenate([white_noise(seed, stream, b, BLOCK_HOURS) for b in (block - 1, block)])
    return np.asarray(lfilter([np.sqrt(1.0 - decay**2)], [1.0, -decay], noise)[BLOCK_HOURS:])


def _generator(seed: int, stream: str, block: int) -> np.random.Generator:
    digest = hashlib.blake2b(f"{seed}|{stream}|{block}".encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=np.frombuffer(digest, dtype=np.uint64)))
