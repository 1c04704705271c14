"""Splits of a recording: whole blocks of time, never single frames, whose neighbors would leak."""

from mouse_facelift.formats.sample_table import SplitName
from mouse_facelift.settings import Split


def split_timeline(positions: int, split: Split) -> list[SplitName | None]:
    """Give each position of a recording's timeline its role, or None where it is left out.

    The timeline is cut into as many equal blocks as the split names roles. A position is left out if any of the `gap`
    positions before it lies in a block of another role, so two that stay and differ in role lie more than `gap` apart.
    """
    blocks = len(split.blocks)
    roles = [split.blocks[position * blocks // positions] for position in range(positions)]
    return [
        role if all(earlier == role for earlier in roles[max(position - split.gap, 0) : position]) else None
        for position, role in enumerate(roles)
    ]
