"""Amounts and durations, as people type them and as they are shown.

In:  text such as `2G` or `1h30m`; seconds
Out: numbers; `1:02:03`
"""

from __future__ import annotations

import re

from colorize_cli.errors import UsageError, quoted

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_FACTORS = " KMGT"
_MOST = 1 << 62  # more is a slip of the finger, and no library takes it
_LONGEST = 99_999 * 3600.0  # seconds that are shown as they are


def parse_amount(text: str, option: str, kilo: int = 1000) -> int:
    """A number with K, M, G or T behind it.

    Args:
        text: what was typed: `800M`, `2.5 G`, `4GB`.
        option: for the message.
        kilo: what K stands for: 1000 for pixels, 1024 for bytes.

    Raises:
        UsageError: it is no amount.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", text.strip(), re.IGNORECASE | re.ASCII)
    value = float(match[1]) * kilo ** _FACTORS.index(match[2].upper() or " ") if match else _MOST
    if value >= _MOST:
        raise UsageError(f"{option} {quoted(text)} is no amount", hint="Write it like 800M or 2G.")
    return int(value)


def parse_duration(text: str, option: str) -> float:
    """`45m`, `1h30m`, `90s` or a plain number of seconds, as seconds.

    Raises:
        UsageError: it is none of these.
    """
    typed = text.strip().lower()
    if re.fullmatch(r"\d+(\.\d+)?", typed, re.ASCII):
        return float(typed)
    if not re.fullmatch(r"(\d+(\.\d+)?[smhd]\s*)+", typed, re.ASCII):
        raise UsageError(f"{option} {quoted(text)} is no duration", hint="Write it like 45m, 2h or 1h30m.")
    return sum(float(number) * _SECONDS[unit] for number, unit in re.findall(r"(\d+(?:\.\d+)?)([smhd])", typed))


def duration(seconds: float) -> str:
    """Hours, minutes and seconds, as `1:02:03`."""
    minutes, rest = divmod(round(min(max(seconds, 0.0), _LONGEST)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def pace(rate: float) -> str:
    """Photos a second; of slow work, seconds a photo."""
    return f"{1 / rate:.1f} s/photo" if 0 < rate < 1 else f"{rate:.1f} photos/s"
