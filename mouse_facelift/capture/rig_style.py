"""How a rig's drawings look."""

RIG_STYLE = """
svg { border: 1px solid var(--rule); box-sizing: border-box; }
svg polyline { fill: none; stroke: var(--ink); stroke-width: 1.3; }
svg .floor { stroke: var(--faint); stroke-dasharray: 3 4; } svg .sight { stroke: var(--rule); }
svg .height { stroke: var(--faint); stroke-dasharray: 1 4; } svg .axis { stroke: var(--mark); }
svg .camera { stroke: var(--mark); } svg .animal { fill: var(--red); }
svg text { fill: var(--ink); font: 17px system-ui, sans-serif; text-anchor: middle; dominant-baseline: middle; }
svg text.axis { fill: var(--mark); stroke: none; } svg text.scale { fill: var(--faint); font-size: 15px; }
"""
