"use strict";
// The pictures that the page carries: unpacked by the chunk when they are wanted, and drawn.

const INDEX = JSON.parse(document.getElementById("index").textContent);

/** Bytes of base64 of zlib. */
async function unpack(base64) {
  const packed = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Pictures of `sizes` bytes each, in chunks of `INDEX.chunk`. */
class Pictures {
  constructor(name, sizes) {
    this.sources = document.querySelectorAll(`[data-chunk="${name}"]`);
    this.chunks = new Map();
    this.starts = []; // of each picture in its chunk
    let start = 0;
    sizes.forEach((size, place) => {
      if (place % INDEX.chunk === 0) start = 0;
      this.starts.push([start, start + size]);
      start += size;
    });
  }

  async bytes(place) {
    const chunk = Math.floor(place / INDEX.chunk);
    if (!this.chunks.has(chunk)) this.chunks.set(chunk, unpack(this.sources[chunk].textContent));
    return (await this.chunks.get(chunk)).subarray(...this.starts[place]);
  }
}

const ORIGINALS = new Pictures("originals", INDEX.pixels);
const CHANGES = new Pictures(
  "changes",
  INDEX.columns.image
    .filter((_, row) => INDEX.columns.change[row] !== null)
    .map((image) => INDEX.pixels[image]),
);

// ColorBrewer's RdBu, read backwards: blue, white, red; without its ends, which are too dark to
// tell apart where most pixels change by all of epsilon
const RAMP = [
  [33, 102, 172],
  [67, 147, 195],
  [146, 197, 222],
  [209, 229, 240],
  [247, 247, 247],
  [253, 219, 199],
  [244, 165, 130],
  [214, 96, 77],
  [178, 24, 43],
];

/** Colour of a share from -1 to 1. */
function diverging(share) {
  const place = ((share + 1) / 2) * (RAMP.length - 1);
  const low = Math.min(Math.floor(place), RAMP.length - 2);
  return RAMP[low].map((from, part) => from + (RAMP[low + 1][part] - from) * (place - low));
}

const CHANGE_COLOURS = Array.from({ length: 2 * INDEX.levels + 1 }, (_, level) =>
  diverging(level / INDEX.levels - 1),
);

/** Draw a picture of [channels, height, width], a channel after the other, row by row;
    `colours(places)` gives [red, green, blue] of a pixel from the places of its channels. */
function draw(canvas, [channels, height, width], count, colours) {
  const plane = height * width;
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height);
  for (let pixel = 0; pixel < Math.min(plane, count); pixel++) {
    const places = Array.from({ length: channels }, (_, channel) => channel * plane + pixel);
    image.data.set(colours(places), 4 * pixel);
    image.data[4 * pixel + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** Grey is three times the one level, which the canvas clamps and rounds. */
const inColours = (levels) => (levels.length === 1 ? [levels[0], levels[0], levels[0]] : levels);

/** A change by its colour, or of three colours around grey, which stands for none. */
const changeColours = (levels) =>
  levels.length === 1
    ? CHANGE_COLOURS[levels[0] + INDEX.levels]
    : levels.map((level) => 127.5 * (1 + level / INDEX.levels));

/** Draw the pictures of a result on those canvases of its card that are there. */
async function drawResult(card, row) {
  const canvas = (name) => card.querySelector(`[data-part="${name}"] canvas`);
  const place = INDEX.columns.image[row];
  const original = await ORIGINALS.bytes(place);
  const shape = INDEX.shapes[place];
  const paint = (name, level, colours) =>
    draw(canvas(name), shape, original.length, (places) => colours(places.map(level)));
  paint("original", (p) => original[p], inColours);
  if (INDEX.columns.change[row] !== null) {
    const change = new Int8Array(await CHANGES.bytes(INDEX.columns.change[row]));
    const unit = (INDEX.columns.reach[row] / INDEX.levels) * 255;
    paint("change", (p) => change[p], changeColours);
    paint("result", (p) => original[p] + change[p] * unit, inColours);
  }
  card.dataset.drawn = "";
}
