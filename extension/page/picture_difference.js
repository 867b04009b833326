// Where two pictures of a size differ, as a picture: black where they are alike.

const TIMES = 3; // small differences are to be seen

/** A data address; "" where one of the pictures can't be read or they are of two sizes. */
export async function difference(one, other) {
  try {
    const [first, second] = await Promise.all([pixels(one), pixels(other)]);
    if (first.width !== second.width || first.height !== second.height) return "";
    for (let at = 0; at < first.data.length; at += 1)
      first.data[at] = at % 4 === 3 ? 255 : TIMES * Math.abs(first.data[at] - second.data[at]);
    const canvas = sized(first);
    canvas.getContext("2d").putImageData(first, 0, 0);
    return canvas.toDataURL();
  } catch {
    return ""; // not drawn yet, or taken away
  }
}

async function pixels(address) {
  const image = new Image();
  image.src = address;
  await image.decode();
  const size = { width: image.naturalWidth, height: image.naturalHeight };
  const context = sized(size).getContext("2d");
  context.drawImage(image, 0, 0);
  return context.getImageData(0, 0, size.width, size.height);
}

function sized({ width, height }) {
  return Object.assign(document.createElement("canvas"), { width, height });
}
