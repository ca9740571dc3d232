// Edits that could not be sent: one message holds them until they are sent again or let go of.
import { element } from "./icon.js";
import { toast } from "./toast.js";

export class Unsent {
  constructor() {
    this.all = new Map();
    window.addEventListener("beforeunload", (e) => this.all.size && e.preventDefault());
  }

  // add keeps a function that makes the edit anew. The same change made twice is kept once.
  add(change, again) {
    this.all.set(JSON.stringify(change), again);
    this.message?.remove();
    const [what, they, them] = this.all.size === 1 ? ["The change was", "It is", "it"] : [`${this.all.size} changes were`, "They are", "them"];
    this.message = toast(`${what} not made: Trunkline cannot be reached. ${they} kept here. Send ${them} again once the connection is back.`, "error");
    this.message.classList.add("lasting");
    const send = element("button", { class: "button small", type: "button", onclick: () => this.send() }, "Send again");
    const leave = this.message.querySelector("button");
    leave.before(send);
    leave.setAttribute("aria-label", `Let go of ${them}`);
    leave.title = `Let go of ${them}`;
    leave.addEventListener("click", () => this.all.clear());
  }

  // send makes the edits in the order in which they were made first. What fails once more comes back by itself.
  async send() {
    const all = [...this.all.values()];
    this.all.clear();
    this.message.remove();
    for (const again of all) await again();
  }
}
