// The lab as people edit it: one document on the server. Edits are sent one after the other, each answer brings the new drawing, the new text
// and how to undo. It knows no drawing: whoever shows something listens.
import { toast } from "./toast.js";

const steps = 200; // of undo that are kept

export class LabDocument {
  // at is the lab's address, lab its drawing as the page had it.
  constructor(at, lab, text) {
    Object.assign(this, { at, lab, text, revision: lab.revision, done: [], undone: [], waiting: 0, live: localStorage.getItem("trunkline.live") !== "off" });
    this.line = Promise.resolve();
    this.listeners = { changed: [], steps: [], refused: [], plan: [], writers: [] };
  }

  // on listens: "changed" {lab, text, answer}, "steps" (undo and redo), "refused" (an answer with its error), "plan" (what is not yet applied),
  // "writers" (who else writes in the text, and where).
  on(name, listener) {
    this.listeners[name].push(listener);
  }

  tell(name, value) {
    for (const listener of this.listeners[name]) listener(value);
  }

  // setLive decides whether edits of a lab that runs are applied at once.
  setLive(on) {
    this.live = on;
    localStorage.setItem("trunkline.live", on ? "on" : "off");
    this.tell("steps");
  }

  // edit does ops as one step of undo. It returns the server's answer, or null when it was refused; then it has been said why.
  edit(ops, { words = "", quiet = false, base } = {}) {
    if (!ops.length) return Promise.resolve(null);
    return this.step({ ops, ...(base ? { base } : {}) }, (answer) => {
      if (!answer.inverse?.length) return;
      this.done.push({ ops: answer.inverse, words: words || answer.words });
      if (this.done.length > steps) this.done.shift();
      this.undone = [];
    }, quiet, null, (_, seen) => this.edit(insisting(ops), { words, quiet, base: seen }));
  }

  // write replaces the text, begun at the revision given. settled says which sides clashes take, as again is given them.
  write(text, base, { quiet = false, settled = {}, again } = {}) {
    return this.step({ text, base, ...settled }, (answer) => {
      if (!answer.inverse?.length) return;
      this.done.push({ ops: answer.inverse, words: answer.words });
      this.undone = [];
    }, quiet, null, again);
  }

  // fill gives addresses to what has none.
  fill() {
    return this.step({ fill: true }, (answer) => {
      if (!answer.inverse?.length) {
        toast("Every interface that needs an address has one.");
        return;
      }
      this.done.push({ ops: answer.inverse, words: answer.words });
      this.undone = [];
      toast(`${answer.words}.`);
    });
  }

  undo() {
    return this.back("done", "undone");
  }

  redo() {
    return this.back("undone", "done");
  }

  // back takes the step that is the last one once its turn comes: it may be on its way still.
  back(from, to) {
    let last = null;
    return this.step(() => (last = this[from].pop()) && { ops: last.ops }, (answer) => {
      if (answer.inverse?.length) this[to].push({ ops: answer.inverse, words: last.words });
    }, false, null, (_, seen) => this.edit(insisting(last.ops), { words: last.words, base: seen }));
  }

  // restore makes an earlier version the newest.
  restore(number, apply = this.live) {
    return this.step(`revisions/${number}/restore`, (answer) => {
      if (answer.inverse?.length) this.done.push({ ops: answer.inverse, words: answer.words });
    }, false, { apply });
  }

  // step takes its turn: what is sent was made on what was seen, and the server merges it onto what is there. Where that clashes, again makes the
  // change all the same, once somebody has seen both sides: it is told how, and which revision that was.
  step(request, keep, quiet = false, body = null, again = null) {
    this.waiting++;
    this.tell("steps");
    const turn = this.line.then(async () => {
      const path = typeof request === "string" ? request : "edits";
      const asked = typeof request === "function" ? request() : request;
      if (!asked) return null;
      const answer = await this.post(path, body ?? { base: this.revision, apply: this.live, ...asked });
      if (!answer) return null;
      if (answer.error) {
        this.tell("refused", { ...answer, again: again && ((how) => again(how, answer.revision)) });
        if (!quiet && !answer.clashes?.length) toast(answer.error.message, "error");
        return quiet ? answer : null;
      }
      keep(answer);
      this.take(answer);
      return answer;
    }).finally(() => {
      this.waiting--;
      this.tell("steps");
    });
    this.line = turn.catch(() => null);
    return turn;
  }

  async post(path, body) {
    try {
      const answer = await fetch(`${this.at}/${path}`, { method: "POST", headers: { "Content-Type": "application/json", Accept: "application/json" }, body: JSON.stringify(body) });
      if (answer.status === 401) location.assign(`/sign-in?next=${encodeURIComponent(location.pathname)}`);
      return await answer.json();
    } catch {
      toast("The change could not be sent. Check the connection and make it again.", "error");
      return null;
    }
  }

  take(answer) {
    this.revision = answer.revision;
    this.text = answer.text;
    this.marks = answer.marks ?? [];
    if (answer.map) this.lab = answer.map;
    this.tell("changed", { lab: this.lab, text: this.text, answer });
    if (!answer.by) this.tell("plan", answer.applied ? [] : (answer.plan ?? []));
  }

  // heard: somebody edited. One's own edits are known already.
  heard(edited) {
    this.line = this.line.then(async () => {
      if (edited.revision <= this.revision) return;
      const answer = await fetch(`${this.at}/document`, { headers: { Accept: "application/json" } }).catch(() => null);
      if (!answer?.ok) return;
      const now = await answer.json();
      if (now.revision > this.revision) this.take({ ...now, by: edited.by });
    }).catch(() => null);
  }
}

// insisting are ops without what they expected to find: they do the same whatever is there by now.
function insisting(ops) {
  return ops.map(({ was, wasFields, ...op }) => (op.ops ? { ...op, ops: insisting(op.ops) } : op));
}
