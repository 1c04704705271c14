// The capture's cameras in space: a pyramid, the picture it took, its name.
import * as THREE from "three";
import { poseOf } from "./cameras.js";
import { pictureAddress } from "./scene_data.js";

const LABEL_HEIGHT = 0.026; // of the distance at which it stands

/** Frusta of the cameras of one frame. */
export class Frusta {
  constructor(depth, onLoaded) {
    this.group = new THREE.Group();
    this.depth = depth;
    this.onLoaded = onLoaded;
    this.planes = [];
    this.textures = new Map();
    this.labels = new Map();
  }

  /** Draw other cameras; `colors` has ink, paper, input and held_out. */
  show(cameras, colors, withPictures) {
    this.clear();
    cameras.forEach((camera, number) => {
      const pose = poseOf(camera);
      const [fx, fy, cx, cy] = camera.fxfycxcy;
      const corner = (x, y) =>
        new THREE.Vector3(((x - cx) / fx) * this.depth, (-(y - cy) / fy) * this.depth, -this.depth).applyMatrix4(pose);
      const { width, height } = camera;
      const corners = [corner(0, 0), corner(width, 0), corner(width, height), corner(0, height)];
      const eye = new THREE.Vector3().setFromMatrixPosition(pose);
      const color = colors[camera.role] ?? colors.ink;
      this.group.add(lines(eye, corners, color));
      const plane = card(corners);
      plane.userData.camera = number;
      plane.visible = withPictures;
      this.paint(plane, camera.picture, colors.white);
      this.planes.push(plane);
      this.group.add(plane);
      const label = this.label(camera.name, color);
      const top = corners[0].clone().lerp(corners[1], 0.5);
      const bottom = corners[3].clone().lerp(corners[2], 0.5);
      label.position.lerpVectors(bottom, top, 1.15);
      this.group.add(label);
    });
  }

  paint(plane, picture, ground) {
    if (!this.textures.has(picture)) {
      const canvas = document.createElement("canvas");
      const texture = new THREE.CanvasTexture(canvas);
      texture.colorSpace = THREE.SRGBColorSpace;
      this.textures.set(picture, texture);
      const image = new Image();
      image.onload = () => {
        canvas.width = image.naturalWidth;
        canvas.height = image.naturalHeight;
        const context = canvas.getContext("2d");
        context.fillStyle = ground;
        context.fillRect(0, 0, canvas.width, canvas.height);
        context.drawImage(image, 0, 0);
        texture.dispose();
        texture.needsUpdate = true;
        this.onLoaded();
      };
      image.src = pictureAddress(picture);
    }
    plane.material.map = this.textures.get(picture);
  }

  label(name, color) {
    const key = `${name} ${color}`;
    if (!this.labels.has(key)) this.labels.set(key, write(name, color));
    return new THREE.Sprite(this.labels.get(key));
  }

  scaleLabels() {
    for (const child of this.group.children) {
      if (child.isSprite) child.scale.set(LABEL_HEIGHT * child.material.userData.aspect, LABEL_HEIGHT, 1);
    }
  }

  clear() {
    for (const child of this.group.children) {
      if (child.isSprite) continue;
      child.geometry.dispose();
      child.material.dispose();
    }
    this.group.clear();
    this.planes = [];
  }
}

function lines(eye, corners, color) {
  const points = corners.flatMap((corner, i) => [eye, corner, corner, corners[(i + 1) % 4]]);
  const geometry = new THREE.BufferGeometry().setFromPoints(points);
  return new THREE.LineSegments(geometry, new THREE.LineBasicMaterial({ color }));
}

function card(corners) {
  const geometry = new THREE.BufferGeometry().setFromPoints(corners);
  geometry.setAttribute("uv", new THREE.Float32BufferAttribute([0, 1, 1, 1, 1, 0, 0, 0], 2));
  geometry.setIndex([0, 2, 1, 0, 3, 2]);
  return new THREE.Mesh(geometry, new THREE.MeshBasicMaterial({ side: THREE.DoubleSide, toneMapped: false }));
}

function write(name, color) {
  const canvas = document.createElement("canvas");
  const font = "500 40px system-ui, sans-serif";
  canvas.getContext("2d").font = font;
  canvas.width = Math.ceil(canvas.getContext("2d").measureText(name).width) + 16;
  canvas.height = 56;
  const context = canvas.getContext("2d");
  context.font = font;
  context.fillStyle = color;
  context.textBaseline = "middle";
  context.fillText(name, 8, 30);
  const map = new THREE.CanvasTexture(canvas);
  map.colorSpace = THREE.SRGBColorSpace;
  const material = new THREE.SpriteMaterial({ map, sizeAttenuation: false, depthTest: false, transparent: true, toneMapped: false });
  material.userData.aspect = canvas.width / canvas.height;
  return material;
}
