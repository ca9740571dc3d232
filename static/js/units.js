// Figures in few characters: 9.8M, 120k, 34M. Rates count in thousands, memory in 1024.
const steps = ["", "k", "M", "G", "T"];

function short(value, base) {
  let i = 0;
  let v = value;
  while (v >= base && i < steps.length - 1) {
    v /= base;
    i++;
  }
  if (i > 0 && v >= 999.5) return `1${steps[Math.min(i + 1, steps.length - 1)]}`;
  return `${v < 9.95 && i > 0 ? v.toFixed(1).replace(".0", "") : Math.round(v)}${steps[i]}`;
}

// shortRate is bits, or frames, a second.
export const shortRate = (value) => short(value, 1000);

// shortSize is bytes.
export const shortSize = (bytes) => short(bytes, 1024);

// rateWords and sizeWords have the unit in full: 9.8 Mbit/s, 34 MiB.
export const rateWords = (bits) => words(shortRate(bits), "bit/s");
export const sizeWords = (bytes) => words(shortSize(bytes), "B", "i");

function words(text, unit, binary = "") {
  const step = text.match(/[kMGT]$/)?.[0] ?? "";
  return `${step ? text.slice(0, -1) : text} ${binary && step === "k" ? "K" : step}${step && binary}${unit}`;
}

// bitsOf reads a rate as the lab file has it: 10mbit.
export function bitsOf(text) {
  const [, number, step] = text?.match(/^([\d.]+)([kmg]?)bit$/) ?? [];
  return number ? Number(number) * { "": 1, k: 1e3, m: 1e6, g: 1e9 }[step] : 0;
}
