// The lab as a PNG: the server's picture, drawn by the browser at twice its size.
import { toast } from "./toast.js";

const sharper = 2;
const largest = 8000; // pixels of a side; browsers refuse much larger ones

export function startPictures(at) {
  document.addEventListener("click", async (e) => {
    const button = e.target.closest('[data-picture="png"]');
    if (!button) return;
    button.closest("details").open = false;
    const blob = await drawn(`${at}/export?as=svg`).catch(() => null);
    if (!blob) {
      toast("The picture could not be drawn. Save it as SVG, or try again.", "error");
      return;
    }
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${document.querySelector("#lab-status h1").textContent}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  });
}

async function drawn(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  const scale = Math.min(sharper, largest / Math.max(image.naturalWidth, image.naturalHeight));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(image.naturalWidth * scale);
  canvas.height = Math.round(image.naturalHeight * scale);
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}
