"""The contract of the released network at any picture size."""

from mouse_facelift.settings import CameraContract


def contract_of(size):
    return CameraContract(
        image_size=size,
        focal=548.9937744140625 * size / 512,  # FaceLift's opencv_cameras.json
        distance=2.7,
        distance_range=(1.8, 3.6),
        subject_radius=1.0,
    )
