// The page: what its controls do.
import { pictureAddress, readScene } from "./scene_data.js";
import { Stage } from "./stage.js";

const SPEEDS = [1, 2, 4, 8, 15, 30]; // frames a second
const FIRST_SPEED = 4;
const TURN = 6; // degrees a key
const NEARER = 1.12;

const element = (id) => document.getElementById(id);
const scene = readScene();
const sequences = [...new Set(scene.frames.map((frame) => frame.sequence))];
const state = { frames: [], number: 0, view: null, playing: 0, speed: FIRST_SPEED };
let stage;

function start() {
  element("title").textContent = scene.title;
  element("subtitle").textContent = scene.subtitle;
  writeFacts();
  if (!document.createElement("canvas").getContext("webgl2")) {
    tell("This browser offers no WebGL 2, by which the Gaussians would be drawn. Numbers and pictures are still here.");
    return;
  }
  stage = new Stage(element("view"), scene, settled, () => lookFrom(null));
  stage.onPick = (camera) => lookFrom(camera);
  stage.onResize = layOver;
  fill(element("sequence"), sequences.map((name) => [name, name]));
  fill(element("speed"), SPEEDS.map((speed) => [String(speed), `${speed}/s`]));
  element("speed").value = String(FIRST_SPEED);
  element("sequences").hidden = sequences.length < 2;
  const withCameras = scene.frames.some((frame) => frame.cameras.length);
  element("looking").hidden = !withCameras;
  for (const part of document.querySelectorAll(".camera")) part.hidden = !withCameras;
  element("legend").hidden = !scene.frames.some((frame) => frame.cameras.some((camera) => camera.role));
  element("note").hidden = scene.tables.length < 2;
  listen();
  paint();
  stage.reset();
  choose(sequences[0]);
}

/** Say what is wrong in place of the picture, beside a picture that was made before. */
function tell(words) {
  element("words").textContent = words;
  element("message").hidden = false;
  element("time").hidden = true;
  for (const part of document.querySelectorAll("fieldset")) part.hidden = true;
  if (scene.poster) {
    element("poster").src = pictureAddress(scene.poster);
    element("poster").hidden = false;
  }
  document.body.dataset.state = "told";
}

function settled(frame) {
  if (!frame) return;
  document.body.dataset.state = "drawn";
  document.body.dataset.frame = String(scene.frames.indexOf(frame));
  document.body.dataset.view = state.view === null ? "" : String(state.view);
}

function choose(sequence) {
  state.frames = scene.frames.filter((frame) => frame.sequence === sequence);
  element("slider").max = String(state.frames.length - 1);
  element("time").hidden = state.frames.length < 2;
  go(0);
}

async function go(number) {
  const count = state.frames.length;
  state.number = ((number % count) + count) % count;
  const frame = state.frames[state.number];
  element("slider").value = String(state.number);
  element("slider").setAttribute("aria-valuetext", frame.label);
  element("moment").textContent = `${frame.label} (${state.number + 1}/${count})`;
  listCameras(frame);
  layOver();
  describe();
  await stage.show(frame);
  if (state.frames.length > 1) stage.load(state.frames[(state.number + 1) % count]);
}

function listCameras(frame) {
  const words = (camera) => (camera.role ? `${camera.name}, ${camera.role === "input" ? "went in" : "held out"}` : camera.name);
  fill(element("from"), [["", "anywhere: drag the view"], ...frame.cameras.map((camera, i) => [String(i), words(camera)])]);
  if (state.view !== null && state.view >= frame.cameras.length) state.view = null;
  element("from").value = state.view === null ? "" : String(state.view);
}

function lookFrom(view) {
  const { cameras } = state.frames[state.number];
  state.view = view !== null && view < cameras.length ? view : null;
  element("from").value = state.view === null ? "" : String(state.view);
  stage.look(state.view);
  layOver();
  describe();
}

/** Lay the picture of the camera that is looked through over the Gaussians, exactly where they should be. */
function layOver() {
  const picture = element("truth");
  const free = state.view === null;
  element("opacity").disabled = free || !element("overlay").checked;
  picture.hidden = free || !element("overlay").checked;
  element("border").hidden = free;
  if (free) return;
  const camera = state.frames[state.number].cameras[state.view];
  const { left, top, width, height } = stage.rectangle(camera);
  const place = { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` };
  Object.assign(element("border").style, place);
  if (picture.hidden) return;
  picture.src = pictureAddress(camera.picture);
  picture.alt = `Picture of ${camera.name}`;
  Object.assign(picture.style, place);
  picture.style.opacity = String(element("opacity").value / 100);
}

function describe() {
  const frame = state.frames[state.number];
  const camera = state.view === null ? null : frame.cameras[state.view];
  const gaussians = frame.gaussians ? `${frame.gaussians.toLocaleString("en")} Gaussians` : "no Gaussian is left";
  element("caption").textContent = camera ? `${camera.name}: ${gaussians}` : gaussians;
  element("score").textContent = camera ? camera.words : "Choose a camera here, or click its picture in the view.";
}

function play(on) {
  clearInterval(state.playing);
  state.playing = on ? setInterval(() => go(state.number + 1), 1000 / state.speed) : 0;
  element("play").textContent = on ? "Pause" : "Play";
}

function paint() {
  const style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(name).trim();
  const white = element("white").checked;
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const ground = white ? "#ffffff" : color("--paper");
  const ink = white && dark ? "#1c2024" : color("--ink");
  const onWhite = white && dark;
  document.documentElement.style.setProperty("--ground", ground);
  document.documentElement.style.setProperty("--on-ground", ink);
  stage.paint({
    paper: ground,
    white: "#ffffff",
    ink,
    input: onWhite ? "#0b62c4" : color("--input"),
    held_out: onWhite ? "#b3400e" : color("--held"),
  });
}

function listen() {
  const on = (id, event, action) => element(id).addEventListener(event, action);
  on("slider", "input", (event) => go(Number(event.target.value)));
  on("previous", "click", () => go(state.number - 1));
  on("next", "click", () => go(state.number + 1));
  on("play", "click", () => play(!state.playing));
  on("speed", "change", (event) => {
    state.speed = Number(event.target.value);
    if (state.playing) play(true);
  });
  on("sequence", "change", (event) => choose(event.target.value));
  on("from", "change", (event) => lookFrom(event.target.value === "" ? null : Number(event.target.value)));
  on("overlay", "change", (event) => {
    if (event.target.checked && state.view === null) lookFrom(0);
    layOver();
  });
  on("opacity", "input", layOver);
  on("frusta", "change", (event) => {
    stage.showFrusta = event.target.checked;
    stage.request();
  });
  on("pictures", "change", (event) => {
    stage.showPictures = event.target.checked;
    stage.request();
  });
  on("white", "change", paint);
  on("reset", "click", () => {
    lookFrom(null);
    stage.reset();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  element("view").addEventListener("keydown", turnByKey);
  document.addEventListener("keydown", onKey);
}

function turnByKey(event) {
  const turns = {
    ArrowLeft: [-TURN, 0, 1], ArrowRight: [TURN, 0, 1], ArrowUp: [0, TURN, 1], ArrowDown: [0, -TURN, 1],
    "+": [0, 0, 1 / NEARER], "=": [0, 0, 1 / NEARER], "-": [0, 0, NEARER],
  };
  if (!(event.key in turns) || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  lookFrom(null);
  stage.turn(...turns[event.key]);
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("select")) return;
  const press = (id) => element(id).click();
  const keys = {
    ",": () => go(state.number - 1),
    ".": () => go(state.number + 1),
    g: () => press("overlay"),
    f: () => press("frusta"),
    p: () => press("pictures"),
    w: () => press("white"),
    r: () => press("reset"),
  };
  const key = event.key.toLowerCase();
  if (event.key === " " && !event.target.matches("button, input, summary")) {
    event.preventDefault();
    if (state.frames.length > 1) press("play");
  } else if (key in keys) {
    keys[key]();
  } else if (/^[0-9]$/.test(key)) {
    lookFrom(key === "0" ? null : Number(key) - 1);
  }
}

function fill(select, options) {
  const made = options.map(([value, words]) => new Option(words, value));
  const same = made.length === select.options.length && made.every((option, i) => option.text === select.options[i].text);
  if (!same) select.replaceChildren(...made);
}

function writeFacts() {
  for (const { title, head, rows } of scene.tables) {
    const table = document.createElement("table");
    table.createCaption().textContent = title;
    const top = table.createTHead().insertRow();
    for (const cell of head) top.append(Object.assign(document.createElement("th"), { textContent: cell, scope: "col" }));
    const body = table.createTBody();
    for (const [name, ...cells] of rows) {
      const row = body.insertRow();
      row.append(Object.assign(document.createElement("th"), { textContent: name, scope: "row" }));
      for (const cell of cells) row.insertCell().textContent = cell;
    }
    element("facts").append(table);
  }
}

start();
