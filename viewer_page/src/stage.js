// The picture: Gaussians of one frame, frusta around them, seen from an orbit or through a camera of the capture.
import { SparkRenderer, SplatFileType, SplatMesh } from "@sparkjsdev/spark";
import * as THREE from "three";
import { OrbitControls } from "three/addons/controls/OrbitControls.js";
import { lookThrough, pictureRectangle } from "./cameras.js";
import { Frusta } from "./frusta.js";
import { readBytes } from "./scene_data.js";

const FIELD_OF_VIEW = 40; // degrees, of the shorter side
const FRUSTUM_DEPTH = 0.2; // of the cameras' distance
const KEPT = 12; // frames whose Gaussians stay in memory
const ELEVATION = { wide: 28, narrow: 48 }; // degrees, at first, on a wide and on a narrow stage
const SURVEY = 2.15; // of the cameras' distance: so far the view stands from where it sees them all
const PIXELS = 2; // device pixels a px, at most

export class Stage {
  constructor(canvas, scene, onSettled, onOrbit) {
    this.canvas = canvas;
    this.data = scene;
    this.onSettled = onSettled;
    this.renderer = new THREE.WebGLRenderer({ canvas, antialias: true, preserveDrawingBuffer: true });
    this.renderer.setPixelRatio(Math.min(window.devicePixelRatio, PIXELS));
    this.world = new THREE.Scene();
    // As the network's own rasterizer: sorted by depth, each splat widened by 0.3 px² without a change of opacity.
    this.spark = new SparkRenderer({
      renderer: this.renderer,
      sortRadial: false,
      preBlurAmount: 0.3,
      blurAmount: 0,
      enableLod: false,
      onDirty: () => this.request(),
    });
    this.world.add(this.spark);
    this.far = 20 * scene.distance;
    this.near = scene.distance / 200;
    this.free = new THREE.PerspectiveCamera(FIELD_OF_VIEW, 1, this.near, this.far);
    this.free.up.set(0, 0, 1);
    this.through = new THREE.PerspectiveCamera();
    this.through.matrixAutoUpdate = false;
    this.center = new THREE.Vector3(...scene.center);
    this.orbit = new OrbitControls(this.free, canvas);
    this.orbit.minDistance = scene.distance / 20;
    this.orbit.maxDistance = 8 * scene.distance;
    this.orbit.addEventListener("change", () => this.request());
    this.frusta = new Frusta(FRUSTUM_DEPTH * scene.distance, () => this.request());
    this.world.add(this.frusta.group);
    this.meshes = new Map();
    this.frame = null;
    this.view = null; // number of a camera, or null for the orbit
    this.showFrusta = true;
    this.showPictures = true;
    this.requested = false;
    canvas.addEventListener("pointerdown", (event) => this.press(event, onOrbit));
    canvas.addEventListener("pointerup", (event) => this.release(event));
    new ResizeObserver(() => this.resize()).observe(canvas.parentElement);
    this.onPick = () => {};
    this.resize();
    this.reset();
  }

  /** Colors of the page: paper, white, ink, input, held_out. */
  paint(colors) {
    this.colors = colors;
    this.renderer.setClearColor(new THREE.Color(colors.paper), 1);
    if (this.frame) this.frusta.show(this.frame.cameras, colors, this.showPictures);
    this.request();
  }

  /** Show the Gaussians and cameras of a frame; resolves once they are loaded. */
  async show(frame) {
    this.frame = frame;
    this.frusta.show(frame.cameras, this.colors, this.showPictures);
    const mesh = frame.gaussians ? await this.load(frame) : null;
    if (this.frame !== frame) return;
    for (const other of this.meshes.values()) other.visible = other === mesh;
    this.shown = frame;
    this.request();
  }

  async load(frame) {
    let mesh = this.meshes.get(frame.splats);
    if (!mesh) {
      mesh = new SplatMesh({ fileBytes: readBytes(frame.splats), fileType: SplatFileType.SPZ, lod: false });
      mesh.visible = false;
      this.world.add(mesh);
    }
    this.meshes.delete(frame.splats); // the one last asked for stands last
    this.meshes.set(frame.splats, mesh);
    await mesh.initialized;
    for (const [key, old] of this.meshes) {
      if (this.meshes.size <= KEPT) break;
      if (old === mesh || old.visible || !old.isInitialized) continue;
      this.world.remove(old);
      old.dispose();
      this.meshes.delete(key);
    }
    return mesh;
  }

  /** Look through a camera of the frame, or, for null, from the orbit. */
  look(view) {
    this.view = view;
    this.orbit.enabled = view === null;
    this.request();
  }

  /** Where a camera's picture lies in the stage, when it is looked through. */
  rectangle(camera) {
    return pictureRectangle(camera, this.size());
  }

  reset() {
    const { cameras } = this.data.frames[0];
    const narrow = Math.min(1, this.free.aspect);
    const distance = cameras.length ? (SURVEY * this.data.distance) / narrow : (1.5 * this.data.radius) / narrow / Math.tan((FIELD_OF_VIEW * Math.PI) / 360);
    this.place(this.widestGap(cameras), narrow < 1 ? ELEVATION.narrow : ELEVATION.wide, distance);
  }

  /** Azimuth, in degrees, at which no camera stands before the animal. */
  widestGap(cameras) {
    const [x, y] = this.data.center;
    const around = cameras.map(({ camera_to_world: pose }) => Math.atan2(pose[1][3] - y, pose[0][3] - x)).sort((a, b) => a - b);
    const gaps = around.map((from, i) => (around[i + 1] ?? around[0] + 2 * Math.PI) - from);
    const widest = gaps.indexOf(Math.max(...gaps));
    return THREE.MathUtils.radToDeg(cameras.length ? around[widest] + gaps[widest] / 2 : Math.PI / 4);
  }

  place(azimuth, elevation, distance) {
    const [a, e] = [azimuth, elevation].map(THREE.MathUtils.degToRad);
    const direction = new THREE.Vector3(Math.cos(e) * Math.cos(a), Math.cos(e) * Math.sin(a), Math.sin(e));
    this.orbit.target.copy(this.center);
    this.free.position.copy(this.center).addScaledVector(direction, distance);
    this.orbit.update();
    this.request();
  }

  /** Turn by degrees and come nearer by a factor, as keys do. */
  turn(azimuth, elevation, nearer) {
    const offset = this.free.position.clone().sub(this.orbit.target);
    const now = Math.asin(offset.z / offset.length()) * THREE.MathUtils.RAD2DEG;
    const length = THREE.MathUtils.clamp(offset.length() * nearer, this.orbit.minDistance, this.orbit.maxDistance);
    const target = this.orbit.target.clone();
    const around = Math.atan2(offset.y, offset.x) * THREE.MathUtils.RAD2DEG + azimuth;
    const [a, e] = [around, THREE.MathUtils.clamp(now + elevation, -89, 89)].map(THREE.MathUtils.degToRad);
    offset.set(Math.cos(e) * Math.cos(a), Math.cos(e) * Math.sin(a), Math.sin(e)).multiplyScalar(length);
    this.free.position.copy(target).add(offset);
    this.orbit.update();
    this.request();
  }

  press(event, onOrbit) {
    this.pressed = { x: event.clientX, y: event.clientY };
    if (this.view === null) return;
    this.free.position.setFromMatrixPosition(this.through.matrix);
    this.orbit.target.copy(this.center);
    this.orbit.update();
    onOrbit(); // who drags leaves the camera
  }

  release(event) {
    const moved = this.pressed ? Math.hypot(event.clientX - this.pressed.x, event.clientY - this.pressed.y) : Infinity;
    if (moved > 4 || this.view !== null || !this.showFrusta) return;
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    const point = new THREE.Vector2(((event.clientX - left) / width) * 2 - 1, 1 - ((event.clientY - top) / height) * 2);
    const ray = new THREE.Raycaster();
    ray.setFromCamera(point, this.free);
    const [hit] = ray.intersectObjects(this.frusta.planes, false);
    if (hit) this.onPick(hit.object.userData.camera);
  }

  size() {
    const { clientWidth: width, clientHeight: height } = this.canvas.parentElement;
    return { width: Math.max(width, 1), height: Math.max(height, 1) };
  }

  resize() {
    const { width, height } = this.size();
    this.renderer.setSize(width, height, false);
    this.free.aspect = width / height;
    this.free.updateProjectionMatrix();
    this.request();
    this.onResize?.();
  }

  request() {
    if (this.requested) return;
    this.requested = true;
    requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.requested = false;
    const camera = this.view === null ? this.free : this.through;
    if (this.view !== null) lookThrough(this.through, this.frame.cameras[this.view], this.size(), this.near, this.far);
    this.frusta.group.visible = this.showFrusta && this.view === null;
    for (const plane of this.frusta.planes) plane.visible = this.showPictures;
    this.frusta.scaleLabels();
    this.renderer.render(this.world, camera);
    const { spark } = this;
    if (!spark.sorting && !spark.sortDirty && spark.display === spark.current) this.onSettled(this.shown);
  }
}
