"""Tracks: smoothing keeps what is steady, where it is and when; jumps are found alone."""

from functools import lru_cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from torch import Tensor

from mouse_facelift.geometry.tracks import find_jumps, smooth_track
from mouse_facelift.simulation.motion import SequenceName, motion
from mouse_facelift.simulation.mouse import build_mouse
from mouse_facelift.simulation.reference_rig import ARENA_CENTER

WIDTHS = st.floats(0, 12)
GAP = 10
STEP = 5.0  # mm


def times(count: int, seed: int, share: float = 0.8) -> Tensor:
    """Frame numbers, some missing."""
    chosen = torch.rand(count, generator=torch.Generator().manual_seed(seed)) < share
    chosen[[0, -1]] = True
    return chosen.nonzero()[:, 0] + 17


def wander(frames: Tensor, seed: int) -> Tensor:
    steps = torch.randn(int(frames[-1]) + 1, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return steps.cumsum(0)[frames]


def weighing(frames: Tensor, seed: int) -> Tensor:
    return 0.2 + torch.rand(len(frames), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@lru_cache
def true_track(sequence: SequenceName) -> tuple[Tensor, Tensor]:
    """Frames, and the simulated animal's torso in 60 frames."""
    poses = [build_mouse(step)[1].pose for step in motion(sequence, 60, 1, ARENA_CENTER[:2])]
    return torch.arange(60), torch.stack([torch.from_numpy(pose.centers[1]) for pose in poses])


@given(width=WIDTHS, seed=st.integers(0, 999), count=st.integers(1, 60))
def test_steady_motion_stays(width: float, seed: int, count: int) -> None:
    frames = times(count, seed)
    speed = torch.randn(3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    track = 40 + frames[:, None] * speed
    found = smooth_track(frames, track, weighing(frames, seed), width, GAP)
    torch.testing.assert_close(found, track, rtol=0, atol=1e-8)


@given(width=WIDTHS, seed=st.integers(0, 999))
def test_time_backward_gives_the_same(width: float, seed: int) -> None:
    frames = times(50, seed)
    track, weights = wander(frames, seed), weighing(frames, seed)
    forward = smooth_track(frames, track, weights, width, GAP)
    backward = smooth_track((100 - frames).flip(0), track.flip(0), weights.flip(0), width, GAP).flip(0)
    torch.testing.assert_close(forward, backward, rtol=0, atol=1e-8)
    marked = find_jumps(frames, track, 3.0, GAP)
    assert torch.equal(marked, find_jumps((100 - frames).flip(0), track.flip(0), 3.0, GAP).flip(0))


@given(width=WIDTHS, seed=st.integers(0, 999))
def test_a_turned_world_gives_the_turned_track(width: float, seed: int) -> None:
    frames = times(50, seed)
    track, weights = wander(frames, seed), weighing(frames, seed)
    turn, shift = torch.from_numpy(Rotation.random(rng=seed).as_matrix()), torch.tensor([300.0, -20.0, 7.0]).double()
    turned = smooth_track(frames, track @ turn.T + shift, weights, width, GAP)
    expected = smooth_track(frames, track, weights, width, GAP) @ turn.T + shift
    torch.testing.assert_close(turned, expected, rtol=0, atol=1e-6)
    assert torch.equal(find_jumps(frames, track @ turn.T + shift, 3.0, GAP), find_jumps(frames, track, 3.0, GAP))


@given(seed=st.integers(0, 999))
def test_without_width_nothing_changes(seed: int) -> None:
    frames = times(50, seed)
    track = wander(frames, seed)
    torch.testing.assert_close(smooth_track(frames, track, weighing(frames, seed), 0.0, GAP), track, rtol=0, atol=1e-12)


@settings(max_examples=10)
@given(seed=st.integers(0, 999), width=st.floats(2, 6), sequence=st.sampled_from(["walk", "rear"]))
def test_noise_is_lessened_without_lag(seed: int, width: float, sequence: SequenceName) -> None:
    frames, true = true_track(sequence)
    noise = torch.randn(true.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    found = smooth_track(frames, true + noise, torch.ones(60, dtype=torch.float64), width, GAP)
    assert float((found - true).square().mean()) < 0.7 * float(noise.square().mean())
    speed, smoothed = true.diff(dim=0), found.diff(dim=0)
    agreement = {lag: float((speed[5:-5] * smoothed[5 + lag : len(smoothed) - 5 + lag]).sum()) for lag in range(-5, 6)}
    apart = {lag: float((true[8:-8] - found[8 + lag : 60 - 8 + lag]).square().sum()) for lag in range(-5, 6)}
    assert min(apart, key=apart.__getitem__) == 0
    assert agreement[0] > 0.97 * max(agreement.values())


def test_a_bump_does_not_move_in_time() -> None:
    frames = torch.arange(101)
    bump = torch.zeros(101, 3, dtype=torch.float64)
    bump[:, 2] = 30 * torch.exp(-(((frames - 50) / 8.0) ** 2))
    found = smooth_track(frames, bump, torch.ones(101).double(), 5.0, GAP)[:, 2]
    assert int(found.argmax()) == 50
    torch.testing.assert_close(found, found.flip(0), rtol=0, atol=1e-9)
    assert float(found.max()) > 25


def test_a_bad_frame_moves_its_neighbors_little() -> None:
    frames, true = true_track("walk")
    noise = 0.3 * torch.randn(true.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    spoiled = true + noise
    spoiled[30] += 80.0
    found = smooth_track(frames, spoiled, torch.ones(60, dtype=torch.float64), 4.0, GAP)
    kept = frames != 30
    assert float((found - true)[kept].abs().max()) < 1.5


def test_frames_without_weight_are_filled_between_others_and_nowhere_else() -> None:
    frames = torch.arange(20)
    track = frames[:, None] * torch.tensor([1.0, 2.0, 0.0]).double()
    weights = torch.ones(20).double()
    weights[[0, 7, 8, 19]] = 0
    spoiled = torch.where((weights > 0)[:, None], track, torch.nan)
    found = smooth_track(frames, spoiled, weights, 3.0, GAP)
    assert torch.isnan(found[[0, 19]]).all()
    torch.testing.assert_close(found[1:19], track[1:19], rtol=0, atol=1e-9)


def test_nothing_is_smoothed_across_a_long_gap() -> None:
    frames = torch.cat([torch.arange(10), torch.arange(30, 40)])
    track = torch.zeros(20, 3, dtype=torch.float64)
    track[10:, 0] = 100.0
    ones = torch.ones(20, dtype=torch.float64)
    torch.testing.assert_close(smooth_track(frames, track, ones, 25.0, 20), track, rtol=0, atol=1e-9)
    assert float((smooth_track(frames, track, ones, 25.0, 21) - track).abs().max()) > 1
    assert not find_jumps(frames, track, STEP, 20).any()


def test_single_frames_and_none_stay() -> None:
    for count in range(3):
        frames, track = torch.arange(count) * 3, torch.ones(count, 3, dtype=torch.float64)
        torch.testing.assert_close(smooth_track(frames, track, torch.ones(count).double(), 5.0, GAP), track)
        assert not find_jumps(frames, track, STEP, GAP).any()


def test_what_cannot_be_is_refused() -> None:
    frames, track, ones = torch.tensor([0, 2, 1]), torch.zeros(3, 3).double(), torch.ones(3).double()
    with pytest.raises(ValueError, match="frames must rise"):
        smooth_track(frames, track, ones, 1.0, GAP)
    with pytest.raises(ValueError, match="frames must rise"):
        find_jumps(frames, track, 1.0, GAP)
    with pytest.raises(ValueError, match="must not be negative"):
        smooth_track(torch.arange(3), track, -ones, 1.0, GAP)
    with pytest.raises(ValueError, match=r"frames \[0, 1, 2\]: not finite"):
        smooth_track(torch.arange(3), track * torch.nan, ones, 1.0, GAP)


@given(
    first=st.integers(0, 59),
    length=st.integers(1, 3),
    seed=st.integers(0, 999),
    sequence=st.sampled_from(["walk", "rear"]),
)
def test_an_excursion_is_marked_and_nothing_else(first: int, length: int, seed: int, sequence: SequenceName) -> None:
    frames, true = true_track(sequence)
    chance = torch.Generator().manual_seed(seed)
    track = true + 0.2 * torch.randn(true.shape, generator=chance, dtype=torch.float64)
    away = torch.nn.functional.normalize(torch.randn(3, generator=chance, dtype=torch.float64), dim=0)
    track[first : first + length] += 60 * away
    assert find_jumps(frames, track, STEP, GAP).nonzero()[:, 0].tolist() == list(range(first, min(first + length, 60)))


@given(speed=st.floats(0, 60), turn=st.integers(10, 29))
def test_a_fast_run_and_a_sudden_turn_are_no_jumps(speed: float, turn: int) -> None:
    frames = torch.arange(40)
    track = torch.zeros(40, 3, dtype=torch.float64)
    track[:, 0] = speed * frames.clamp_max(turn)
    track[:, 1] = speed * (frames - turn).clamp_min(0)
    assert not find_jumps(frames, track, STEP, GAP).any()


def test_a_step_that_is_kept_is_no_jump_and_absent_frames_are_not_marked() -> None:
    frames, true = true_track("walk")
    track = true.clone()
    track[30:] += 50.0
    track[[5, 45]] = torch.nan
    track[20] += 40.0
    assert find_jumps(frames, track, STEP, GAP).nonzero()[:, 0].tolist() == [20]
