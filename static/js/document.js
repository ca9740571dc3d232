// The lab as people edit it: one document on the server. Edits are sent one after the other, each answer brings the new drawing, the new text
// and how to undo. It knows no drawing: whoever shows something listens.
import { toast } from "./toast.js";
import { Unsent } from "./unsent.js";

const steps = 200; // of undo that are kept
const later = ["unavailable", "exhausted", "unauthenticated"]; // refusals that end: the step may be made then

export class LabDocument {
  // at is the lab's address, lab its drawing as the page had it.
  constructor(at, lab, text) {
    Object.assign(this, { at, lab, text, revision: lab.revision, done: [], undone: [], waiting: 0, live: localStorage.getItem("trunkline.live") !== "off" });
    this.line = Promise.resolve();
    this.listeners = { changed: [], steps: [], refused: [], unmade: [], plan: [], writers: [] };
    this.unsent = new Unsent();
  }

  // on listens: "changed" {lab, text, answer}, "steps" (undo and redo), "refused" (an answer with its error), "unmade" (an edit was not
  // made: the drawing is as it was), "plan" (what is not yet applied), "writers" (who else writes in the text, and where).
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

  // edit does ops as one step of undo. It returns the server's answer, or null when nothing was made; then it has been said why.
  edit(ops, { words = "", base } = {}) {
    if (!ops.length) return Promise.resolve(null);
    return this.step({ ops, ...(base ? { base } : {}) }, (answer) => this.made(answer, words || answer.words), {
      again: (_, seen) => this.edit(insisting(ops), { words, base: seen }),
      unsent: (seen) => this.unsent.add(ops, () => this.edit(ops, { words, base: seen })),
    });
  }

  // write replaces the text, begun at the revision given. settled says which sides clashes take, as again is given them. A refusal is returned
  // and not said: it is shown beside the text, which keeps what was written, as it does when nothing could be sent (null).
  write(text, base, { settled = {}, again } = {}) {
    return this.step({ text, base, ...settled }, (answer) => this.made(answer), { quiet: true, again });
  }

  // fill gives addresses to what has none.
  fill() {
    return this.step({ fill: true }, (answer) => toast(this.made(answer) ? `${answer.words}.` : "Every interface that needs an address has one."), {
      unsent: () => this.unsent.add("fill", () => this.fill()),
    });
  }

  // made keeps how to undo what was made, and says whether there is something to undo.
  made(answer, words = answer.words) {
    if (!answer.inverse?.length) return false;
    this.done.push({ ops: answer.inverse, words });
    if (this.done.length > steps) this.done.shift();
    this.undone = [];
    return true;
  }

  undo() {
    return this.back("done", "undone", "undone", "Undo");
  }

  redo() {
    return this.back("undone", "done", "redone", "Redo");
  }

  // back takes the step that is the last one once its turn comes: it may be on its way still. The step stays where it is until it is certain that
  // it was made, or never can be.
  back(from, to, was, verb) {
    let last = null;
    return this.step(() => (last = this[from].at(-1)) && { ops: last.ops }, (answer) => {
      this[from].pop();
      if (answer.inverse?.length) this[to].push({ ops: answer.inverse, words: last.words });
    }, {
      again: (_, seen) => this.edit(insisting(last.ops), { words: last.words, base: seen }),
      unsent: () => toast(`Nothing was ${was}: Trunkline cannot be reached. The step is still there. ${verb} it once the connection is back.`, "error"),
      refused: ({ code }) => later.includes(code) || this[from].pop(),
    });
  }

  // restore makes an earlier version the newest.
  restore(number, apply = this.live) {
    return this.step({ path: `revisions/${number}/restore`, base: undefined, apply }, (answer) => this.made(answer), {
      unsent: () => this.unsent.add(`restore ${number}`, () => this.restore(number, apply)),
    });
  }

  // step takes its turn: what is sent was made on what was seen, and the server merges it onto what is there. Where that clashes, again makes the
  // change all the same, once somebody has seen both sides: it is told how, and which revision that was. unsent is told on which revision the
  // change was made that did not reach the server, refused why it was not made.
  step(request, keep, { quiet = false, again = null, unsent = () => {}, refused = () => {} } = {}) {
    this.waiting++;
    this.tell("steps");
    const turn = this.line.then(async () => {
      const asked = typeof request === "function" ? request() : request;
      if (!asked) return null;
      const { path = "edits", ...body } = { base: this.revision, apply: this.live, ...asked };
      const answer = await this.send(path, body);
      if (answer && !answer.error) {
        keep(answer);
        this.take(answer);
        return answer;
      }
      this.tell("unmade");
      if (!answer) {
        unsent(body.base);
        return null;
      }
      refused(answer.error);
      this.tell("refused", { ...answer, again: again && ((how) => again(how, answer.revision)) });
      if (!quiet && !answer.clashes?.length) toast(answer.error.message, "error");
      return quiet ? answer : null;
    }).finally(() => {
      this.waiting--;
      this.tell("steps");
    });
    this.line = turn.catch(() => null);
    return turn;
  }

  // send returns the server's answer; null when there is none, or one that is not the server's own.
  async send(path, body) {
    try {
      const answer = await fetch(`${this.at}/${path}`, { method: "POST", headers: { "Content-Type": "application/json", Accept: "application/json" }, body: JSON.stringify(body) });
      if (answer.status === 401) location.assign(`/sign-in?next=${encodeURIComponent(location.pathname)}`);
      return await answer.json();
    } catch {
      return null;
    }
  }

  // ask sends what changes nothing by itself, such as a pattern to be drawn. It says so when there is no answer.
  async ask(path, body) {
    const answer = await this.send(path, body);
    if (!answer) toast("Trunkline cannot be reached. Check the connection and try again.", "error");
    return answer;
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
