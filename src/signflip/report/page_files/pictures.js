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

/** Draw one pixel after the other, row by row; `colour(place)` gives [red, green, blue]. */
function draw(canvas, count, colour) {
  const width = Math.ceil(Math.sqrt(count));
  const height = Math.ceil(count / width);
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height);
  for (let place = 0; place < count; place++) {
    image.data.set(colour(place), 4 * place);
    image.data[4 * place + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** Draw the pictures of a result on those canvases of its card that are there. */
async function drawResult(card, row) {
  const canvas = (name) => card.querySelector(`[data-part="${name}"] canvas`);
  const original = await ORIGINALS.bytes(INDEX.columns.image[row]);
  const grey = (level) => [level, level, level]; // clamped and rounded by the canvas
  draw(canvas("original"), original.length, (place) => grey(original[place]));
  if (INDEX.columns.change[row] !== null) {
    const change = new Int8Array(await CHANGES.bytes(INDEX.columns.change[row]));
    const unit = (INDEX.columns.epsilon[row] / INDEX.levels) * 255;
    draw(canvas("change"), change.length, (p) => CHANGE_COLOURS[change[p] + INDEX.levels]);
    draw(canvas("result"), change.length, (p) => grey(original[p] + change[p] * unit));
  }
  card.dataset.drawn = "";
}
