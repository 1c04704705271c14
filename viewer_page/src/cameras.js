// Cameras of the capture, from OpenCV's axes (x right, y down, z forward) to three's (y up, z backward).
import * as THREE from "three";

const TO_THREE = new THREE.Matrix4().makeScale(1, -1, -1);

/** Pose of a camera (camera to world, rows) in three's axes. */
export function poseOf(camera) {
  return new THREE.Matrix4().set(...camera.camera_to_world.flat()).multiply(TO_THREE);
}

/** Where a picture of a camera lies in a stage, as large as it fits: left, top, width, height in px. */
export function pictureRectangle(camera, stage) {
  const scale = Math.min(stage.width / camera.width, stage.height / camera.height);
  const width = camera.width * scale;
  const height = camera.height * scale;
  return { left: (stage.width - width) / 2, top: (stage.height - height) / 2, width, height, scale };
}

/** Let a three camera see through a camera of the capture: its picture fills `pictureRectangle` of the stage. */
export function lookThrough(view, camera, stage, near, far) {
  const { left, top, scale } = pictureRectangle(camera, stage);
  const [fx, fy, cx, cy] = camera.fxfycxcy.map((value) => value * scale);
  const x = left + cx;
  const y = top + cy;
  view.projectionMatrix.makePerspective(
    (-x / fx) * near,
    ((stage.width - x) / fx) * near,
    (y / fy) * near,
    (-(stage.height - y) / fy) * near,
    near,
    far,
  );
  view.projectionMatrixInverse.copy(view.projectionMatrix).invert();
  view.near = near;
  view.far = far;
  view.matrix.copy(poseOf(camera));
  view.matrix.decompose(view.position, view.quaternion, view.scale);
  view.updateMatrixWorld(true);
}
