"""Trees written into codes: divisions by digits, organisations by paths. A subtree is one range of texts."""

from __future__ import annotations

#: Digits that name each level: province, city, county, township, village.
LEVEL_DIGITS = (2, 4, 6, 9, 12)


def level_digits(code: str) -> int:
    """How many digits of a code say where: 640522100000 names a township by 9, not by 7."""
    if len(code) > 12:
        return len(code)
    return next(n for n in LEVEL_DIGITS if not code[n:].strip("0"))


def subtree_range(root: str) -> tuple[str, str]:
    """First and last text (both included) under a division code or a path that ends with a slash."""
    if root.startswith("/"):
        return root, root + "\U0010ffff"
    return root, root[: level_digits(root)].ljust(15, "9")
