// A stream of server-sent events. Each connection starts with the whole state, so coming back is enough to be
// right again. A stream that is silent too long is taken for dead; a page that nobody sees lets go of it. When rights have ended the server
// says so, and nothing is tried again.
import { toast } from "./toast.js";

const silence = 40_000;
const hidden = 60_000;

export class Stream {
  // handlers: event name to function of its data. told: "on", "lost" or "off" whenever that changes. A page that nobody sees for hiddenFor
  // milliseconds lets go. A quiet stream leaves it to another one to say why rights ended.
  constructor(url, handlers, told = () => {}, { hiddenFor = hidden, quiet = false } = {}) {
    Object.assign(this, { url, handlers, told, hiddenFor, quiet, failures: 0, state: "", listening: new AbortController() });
    const { signal } = this.listening;
    document.addEventListener("visibilitychange", () => this.seen(), { signal });
    window.addEventListener("online", () => (hiddenFor || !document.hidden) && this.open(), { signal });
    window.addEventListener("pagehide", () => this.close(), { signal });
    window.addEventListener("pageshow", (e) => e.persisted && this.open(), { signal });
    if (hiddenFor || !document.hidden) this.open();
  }

  // end closes the stream for good.
  end() {
    this.over = true;
    clearTimeout(this.unseen);
    this.close();
    this.listening.abort();
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
      if (!this.quiet) toast(JSON.parse(e.data), "error");
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
      }, this.hiddenFor);
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
