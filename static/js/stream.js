// The page's one stream of server-sent events. Each connection starts with the whole state, so coming back is enough to be
// right again. A stream that is silent too long is taken for dead; a page that nobody sees lets go of it. When rights have ended the server
// says so, and nothing is tried again.
import { toast } from "./toast.js";

const silence = 40_000;
const hiddenFor = 60_000;

export class Stream {
  // handlers: event name to function of its data. told: "on", "lost" or "off" whenever that changes.
  constructor(url, handlers, told = () => {}) {
    Object.assign(this, { url, handlers, told, failures: 0, state: "" });
    document.addEventListener("visibilitychange", () => this.seen());
    window.addEventListener("online", () => this.open());
    window.addEventListener("pagehide", () => this.close());
    window.addEventListener("pageshow", (e) => e.persisted && this.open());
    this.open();
  }

  open() {
    this.close();
    if (this.over) return;
    const source = new EventSource(this.url);
    this.source = source;
    source.onopen = () => {
      this.failures = 0;
      this.say("on");
      this.alive();
    };
    source.onerror = () => {
      this.say("lost");
      if (source.readyState === EventSource.CLOSED) this.later();
    };
    source.addEventListener("alive", () => this.alive());
    source.addEventListener("revoked", (e) => {
      this.over = true;
      this.close();
      this.say("off");
      toast(JSON.parse(e.data), "error");
    });
    for (const [name, handle] of Object.entries(this.handlers)) {
      source.addEventListener(name, (e) => {
        this.alive();
        handle(JSON.parse(e.data));
      });
    }
    this.alive();
  }

  // later tries again after a refusal; somebody who was signed out is sent to the door.
  later() {
    this.failures++;
    const wait = Math.min(30_000, 500 * 2 ** this.failures) * (0.5 + Math.random() / 2);
    this.retry = setTimeout(async () => {
      const answer = await fetch(this.url, { headers: { Accept: "application/json" }, method: "GET", signal: AbortSignal.timeout(5000) }).catch(() => null);
      answer?.body?.cancel();
      if (answer?.status === 401) location.assign(`/sign-in?next=${encodeURIComponent(location.pathname)}`);
      else if (answer?.status === 404) this.handlers.gone?.(true);
      else this.open();
    }, wait);
  }

  alive() {
    clearTimeout(this.dead);
    this.dead = setTimeout(() => {
      this.say("lost");
      this.open();
    }, silence);
  }

  seen() {
    clearTimeout(this.unseen);
    if (document.hidden) {
      this.unseen = setTimeout(() => {
        this.close();
        this.say("off");
      }, hiddenFor);
    } else if (!this.source) this.open();
  }

  close() {
    clearTimeout(this.dead);
    clearTimeout(this.retry);
    this.source?.close();
    this.source = null;
  }

  say(state) {
    if (state === this.state) return;
    this.state = state;
    this.told(state);
  }
}
