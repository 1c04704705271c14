"""Training of any network here: steps, schedule, states to resume from. What a step computes is its room's affair."""
