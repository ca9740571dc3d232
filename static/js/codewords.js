// What may be written where the cursor is: fields and values from the schema, names from the drawing.

// completions is a source for CodeMirror. The place is found by indentation, which is what a half-written file still has.
export function completions(schema, lab, cm) {
  return (context) => {
    const line = context.state.doc.lineAt(context.pos);
    const before = line.text.slice(0, context.pos - line.from);
    if (/(^|\s)#/.test(before)) return null;
    const place = pathAt(context.state.doc, line.number);
    const value = /^(\s*(?:- )?)([\w.-]+):\s+(.*)$/.exec(before);
    const typed = /[\w.:/-]*$/.exec(before)[0];
    const from = context.pos - typed.length;
    if (!typed && !context.explicit && !/[:,[{]\s*$/.test(before) && !/^\s*(- )?$/.test(before)) return null;
    if (value) {
      const flow = flowPath(value[3]);
      const at = follow(schema, [...place, value[2], ...flow.path]);
      return options(at, flow.key ? "keys" : "values", from, lab());
    }
    const item = /^\s*-\s+(.*)$/.exec(before);
    const at = follow(schema, item ? [...place, "-"] : place);
    return options(at, item && !at?.fields ? "values" : "keys", from, lab());
  };
}

// pathAt are the keys around a line, the outermost first; "-" stands for an item of a list.
function pathAt(doc, number) {
  const text = doc.line(number).text;
  let indent = /^\s*/.exec(text)[0].length;
  if (!text.trim()) indent = Math.max(indent, 1);
  const path = [];
  if (/^\s*-\s/.test(text)) indent += 1; // its own list is around it
  for (let n = number - 1; n > 0 && indent > 0; n--) {
    const line = doc.line(n).text;
    if (!line.trim() || line.trim().startsWith("#")) continue;
    const own = /^\s*/.exec(line)[0].length;
    const item = /^(\s*)-\s+([\w.-]+):/.exec(line);
    if (item && item[1].length + 2 <= indent && item[1].length < indent) {
      if (item[1].length + 2 < indent) path.unshift(item[2]);
      path.unshift("-");
      indent = item[1].length;
      if (indent === 0) break;
      indent += 0.5; // a list may stand as far out as its key
      continue;
    }
    const key = /^\s*("?[\w. |-]+"?):\s*(&\w+\s*)?$/.exec(line);
    if (own < indent && key) {
      path.unshift(key[1].replaceAll('"', ""));
      indent = own;
    }
  }
  return path;
}

// flowPath is where the end of a text between brackets is: {delay: 20ms, ← a key of that mapping.
function flowPath(text) {
  const path = [];
  let key = null;
  for (const [token] of text.matchAll(/[{}[\],]|[\w.-]+:/g)) {
    if (token === "{" || token === "[") {
      path.push(key ?? (token === "[" ? "-" : null));
      key = null;
    } else if (token === "}" || token === "]") path.pop();
    else if (token === ",") key = null;
    else key = token.slice(0, -1);
  }
  const inside = path.filter((p) => p !== null);
  return { path: key ? [...inside, key] : inside, key: path.length > 0 && !key && !text.includes("[") };
}

function follow(schema, path) {
  let at = schema;
  for (const step of path) {
    if (!at) return null;
    if (step === "-") at = at.list ? at.each : at;
    else at = at.fields?.[step] ?? (at.list ? at.each?.fields?.[step] : at.each) ?? null;
  }
  return at;
}

function options(at, what, from, lab) {
  if (!at) return null;
  let list = [];
  if (what === "keys" && at.fields) {
    list = Object.entries(at.fields).map(([name, s]) => ({ label: name, detail: s.doc, type: "property", apply: `${name}:${s.fields || s.each ? "" : " "}` }));
  } else if (what === "values") {
    list = (at.values ?? at.each?.values ?? []).map((v) => ({ label: v, type: "constant" }));
    const names = at.names ?? at.each?.names;
    if (names === "nodes") list.push(...lab.nodes.map((n) => ({ label: n.name, detail: n.kind, type: "variable" })));
    if (names === "endpoints") list.push(...lab.nodes.map((n) => ({ label: `${n.name}:`, detail: n.kind, type: "variable" })));
  }
  return list.length ? { from, options: list, validFor: /^[\w./-]*$/ } : null;
}
