"""Numbers of the reference rig: six real cameras around a mouse.

Source: DANNCE, capture `markerless_mouse_1`, github.com/spoonsso/dannce (MIT License, (c) 2020 Timothy Dunn),
demo/markerless_mouse_1/label3d_dannce.mat. Pictures of 1152 x 1024 px, lengths in mm, z up, floor near z = 0.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mouse_facelift.plan import SIMULATED_CAMERAS

FULL_WIDTH, FULL_HEIGHT = 1152, 1024  # px
ARENA_CENTER = np.array([57.0, 68.0, 0.0])  # mm; about where the recorded animal walked

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class RigCamera:
    """One camera as its file has it, transposes undone: x_camera = rotation @ x_world + translation.

    The file's skew (0.9 to 5.9 px, which OpenCV's model lacks) is left out.
    """

    focal: tuple[float, float]  # px
    center: tuple[float, float]  # px; MATLAB counts the first pixel's center as 1
    radial: Triple  # k1 k2 k3
    tangential: tuple[float, float]  # p1 p2
    rotation: tuple[Triple, Triple, Triple]
    translation: Triple  # mm


@dataclass(frozen=True)
class Rig:
    """Cameras with lenses, in mm.

    Intrinsics count pixels from the picture's outer corner; distortion is OpenCV's k1 k2 p1 p2 k3.
    """

    names: tuple[str, ...]
    camera_to_world: Float[np.ndarray, "view 4 4"]
    intrinsics: Float[np.ndarray, "view 3 3"]
    distortion: Float[np.ndarray, "view 5"]
    width: int
    height: int


def reference_rig(scale: float = 1.0) -> Rig:
    """The rig with its pictures reduced by `scale` (0.25: 288 x 256 px).

    Raises:
        ValueError: the scaled picture's sides are not even numbers of pixels, which 4:2:0 video needs.
    """
    width, height = FULL_WIDTH * scale, FULL_HEIGHT * scale
    if width != int(width) or height != int(height) or width % 2 or height % 2:
        raise ValueError(f"scale {scale} makes pictures of {width} x {height} px; both sides must be even numbers")
    views = len(CAMERAS)
    intrinsics, distortion = np.zeros((views, 3, 3)), np.zeros((views, 5))
    world_to_camera = np.zeros((views, 4, 4))
    for view, camera in enumerate(CAMERAS):
        intrinsics[view] = np.diag([camera.focal[0] * scale, camera.focal[1] * scale, 1.0])
        intrinsics[view, :2, 2] = (np.array(camera.center) - 0.5) * scale  # 1 for the first center becomes 0.5
        k1, k2, k3 = camera.radial
        distortion[view] = [k1, k2, *camera.tangential, k3]
        world_to_camera[view, :3, :3] = camera.rotation
        world_to_camera[view, :3, 3] = camera.translation
        world_to_camera[view, 3, 3] = 1
    return Rig(SIMULATED_CAMERAS, np.linalg.inv(world_to_camera), intrinsics, distortion, int(width), int(height))


CAMERAS = (
    RigCamera(
        focal=(1667.6630893666434, 1674.1735126013668),
        center=(603.8818041611794, 492.9650501453859),
        radial=(-0.1592557805259285, 0.9403375998041251, -2.711642813194041),
        tangential=(-0.001091105964320344, -0.003791994942348964),
        rotation=(
            (0.5769218123029004, -0.8166808215546448, -0.013916112746308329),
            (0.002681321597725439, 0.01893087407240568, -0.9998171995526703),
            (0.816794976113117, 0.5767790371638739, 0.01311141810361316),
        ),
        translation=(10.338580016679686, 66.41483648768745, 236.69919956717897),
    ),
    RigCamera(
        focal=(1637.4307219768623, 1648.5958116598993),
        center=(618.4530053508122, 433.26765760988104),
        radial=(-0.15105165548863206, 0.9001297159067286, -3.0223069079471934),
        tangential=(-0.010990221006801767, -0.0014817954750753317),
        rotation=(
            (-0.49706035589652053, 0.8672310167259619, 0.02900631352790259),
            (0.19070252099769458, 0.141791570990623, -0.9713535395936617),
            (-0.8465007685059409, -0.47728975897714987, -0.23586210991676054),
        ),
        translation=(-32.40553513041116, 49.66509160701449, 410.1897214359559),
    ),
    RigCamera(
        focal=(1656.9930735653993, 1665.1086426244979),
        center=(617.0236756899324, 479.9363098686648),
        radial=(-0.0851419717596436, 0.04167838120829686, 0.24343774484247593),
        tangential=(-0.002330673754410169, -0.0066008116200681035),
        rotation=(
            (-0.998116293584576, -0.057544041027791044, -0.021273171441526906),
            (0.02038541130829319, 0.01597082535480496, -0.9996646276343271),
            (0.05786449245245666, -0.9982152153116468, -0.014767682063931722),
        ),
        translation=(45.98903105431408, 64.99540984020383, 354.83547983088397),
    ),
    RigCamera(
        focal=(1668.6964868124414, 1674.157107681728),
        center=(583.3660099087356, 549.914938231804),
        radial=(-0.09997293084548438, 0.04546365018769431, -0.9931352102043131),
        tangential=(0.0004959923824988749, -0.000885313980948212),
        rotation=(
            (0.39649463590772505, 0.9179966025232312, 0.008616347962113302),
            (0.016853756736113334, 0.0021053246797052005, -0.9998557488417379),
            (-0.9178823206600507, 0.39658265892975825, -0.014636941481157961),
        ),
        translation=(-70.5057849460348, 57.8715839307201, 327.5531933556305),
    ),
    RigCamera(
        focal=(1665.3137269116864, 1671.8644198749844),
        center=(639.54938125511, 460.60209427209577),
        radial=(-0.07822206416796117, -0.1592814216662366, 0.5342105157197078),
        tangential=(-0.008324220028309036, 0.0018482466099001785),
        rotation=(
            (-0.41033197914470587, -0.911912953405771, 0.006514008132678328),
            (-0.2531739048234111, 0.10705217407519324, -0.9614794880507027),
            (0.876088260854838, -0.39617495811388503, -0.274799493732806),
        ),
        translation=(57.15918254723549, 60.49705430450285, 307.2286549381414),
    ),
    RigCamera(
        focal=(1668.247255697755, 1673.1219722366927),
        center=(613.5314114420645, 523.325719271642),
        radial=(-0.0656335192082112, -0.07389816460212034, 0.15110730717123252),
        tangential=(0.0017215669856454662, -0.0005613478396010272),
        rotation=(
            (0.98147172405482, 0.19093250115462035, -0.016063464249646164),
            (0.056990222519583175, -0.37093553684776265, -0.9269082705643699),
            (-0.18293542417483577, 0.9088187979494609, -0.3749440265901961),
        ),
        translation=(-64.82020413260253, 50.924839636935346, 294.3873736134678),
    ),
)
