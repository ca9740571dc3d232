// What was dropped, with the paths of folders.

export const hasFiles = (transfer) => [...(transfer?.types ?? [])].includes("Files");

// collect reads the entries before the event ends, then walks through folders.
export async function collect(transfer) {
  const entries = [...transfer.items].filter((i) => i.kind === "file").map((i) => i.webkitGetAsEntry?.() ?? i.getAsFile());
  const found = [];
  for (const entry of entries) await walk(entry, "", found);
  return found;
}

async function walk(entry, folder, found) {
  if (!entry) return;
  if (entry instanceof File) {
    found.push({ file: entry, path: entry.name });
    return;
  }
  if (entry.isFile) {
    const file = await new Promise((ok, no) => entry.file(ok, no));
    found.push({ file, path: folder + entry.name });
    return;
  }
  if (entry.name === ".git" || found.length > 5000) return;
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((ok, no) => reader.readEntries(ok, no));
    if (some.length === 0) return;
    for (const e of some) await walk(e, `${folder}${entry.name}/`, found);
  }
}
