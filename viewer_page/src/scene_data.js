// What the page shows: JSON of names, cameras and numbers, and Gaussians and pictures in elements of their own.

/** The scene that stands in the page. */
export function readScene() {
  return JSON.parse(document.getElementById("scene").textContent);
}

/** Bytes of an element that holds base64. */
export function readBytes(id) {
  const text = atob(document.getElementById(id).textContent);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
  return bytes;
}

const addresses = new Map();

/** An address of a picture of the page, for `img` and textures. */
export function pictureAddress(id) {
  if (!addresses.has(id)) {
    const type = document.getElementById(id).dataset.type;
    addresses.set(id, URL.createObjectURL(new Blob([readBytes(id)], { type })));
  }
  return addresses.get(id);
}
