// The websocket of a shell: connects, comes back where it stopped, acknowledges what the terminal has parsed.
const longest = 60_000; // bytes of input in one message; the server takes 64 KiB
const encoder = new TextEncoder();

export class Wire {
  constructor(url, session, term, told) {
    Object.assign(this, { url, session, term, told, offset: null, failures: 0, over: false, pending: [], replayLeft: 0 });
    window.addEventListener("online", () => !this.over && !this.ready && this.connect());
  }

  get replaying() {
    return this.replayLeft > 0;
  }

  // connect gets a ticket, which lets this page open one connection, and opens it.
  async connect() {
    clearTimeout(this.retry);
    if (this.over || this.ws?.readyState === WebSocket.OPEN) return;
    const turn = (this.turn = (this.turn ?? 0) + 1);
    this.ws?.close();
    this.ws = null;
    this.ready = false;
    const ticket = await this.ticket();
    if (this.over || turn !== this.turn || !ticket) return;
    const query = new URLSearchParams({ ticket, cols: this.term.cols, rows: this.term.rows });
    if (this.session) query.set("session", this.session);
    if (this.session && this.offset !== null) query.set("from", this.offset);
    const ws = new WebSocket(`${this.url.startsWith("/") ? location.origin.replace(/^http/, "ws") : ""}${this.url}?${query}`);
    ws.binaryType = "arraybuffer";
    this.ws = ws;
    this.ready = false;
    ws.onmessage = (e) => ws === this.ws && (typeof e.data === "string" ? this.message(JSON.parse(e.data)) : this.output(e.data));
    ws.onclose = (e) => ws === this.ws && this.closed(e);
  }

  // ticket asks for one; when there is none, why is said, and what may pass is tried again.
  async ticket() {
    const turn = this.turn;
    try {
      const answer = await fetch(`${this.url}/ticket`, { method: "POST", headers: { Accept: "application/json" } });
      const body = await answer.json();
      if (answer.ok) return body.ticket;
      if (answer.status < 500 && answer.status !== 429) {
        if (turn === this.turn) this.finish(body.error?.message);
        return "";
      }
      this.why = body.error?.message;
    } catch {
      // no answer: the connection is gone
    }
    if (turn === this.turn) this.closed({ code: 1006, reason: "" });
    return "";
  }

  output(buffer) {
    const bytes = new Uint8Array(buffer);
    const ws = this.ws;
    if (this.offset !== null) this.offset += bytes.length;
    const old = this.replayLeft > 0;
    const ack = () => ws.readyState === WebSocket.OPEN && ws.send(JSON.stringify({ type: "ack", bytes: bytes.length }));
    // A hidden page's timers are slowed down, so it acknowledges at once.
    const hidden = document.hidden;
    if (hidden) ack();
    this.term.write(bytes, () => {
      if (old) this.replayLeft = Math.max(0, this.replayLeft - bytes.length);
      if (!hidden) ack();
    });
    if (!old) this.told.output();
  }

  message(m) {
    if (m.type === "ready") {
      this.failures = 0;
      this.ready = true;
      this.session = m.session;
      this.begin(m);
      this.told.session();
      this.told.state("open", m.role === "watch" ? "looking on" : "connected");
      this.send({ type: "resize", cols: this.own?.cols ?? this.term.cols, rows: this.own?.rows ?? this.term.rows });
      for (const bytes of this.pending.splice(0)) this.ws.send(bytes);
    } else if (m.type === "resync") this.begin(m);
    else if (m.type === "size") this.told.size(m.cols, m.rows);
    else if (m.type === "exit") this.finish(m.reason);
    else if (m.type === "refused") this.refused(m);
  }

  // begin takes up the stream: after restore come the old bytes, then the new ones.
  begin(m) {
    this.offset = m.offset;
    if (!m.resumed) this.replayLeft = m.replay ?? 0;
    if (m.restore) this.term.write(m.restore);
  }

  // refused: a session that is gone makes room for a new shell; all else is said.
  refused(m) {
    if (m.code === "not_found" && this.session) {
      this.session = "";
      this.offset = null;
      this.term.write("\r\n\x1b[2mThe earlier shell has ended. This is a new one.\x1b[0m\r\n");
      this.drop();
      this.connect();
      return;
    }
    if (m.code === "unavailable") {
      this.why = m.reason;
      return; // the close that follows tries again
    }
    this.finish(m.reason);
  }

  finish(reason) {
    this.over = true;
    this.ready = false;
    this.told.state("ended", reason || "The shell ended.");
  }

  closed(e) {
    this.ready = false;
    if (this.over) return;
    const final = { 1000: "The shell ended.", 4403: e.reason || "You may no longer look on.", 4429: e.reason || "Too many people look on." };
    if (final[e.code] && !this.why) {
      this.finish(e.reason || final[e.code]);
      return;
    }
    this.failures++;
    const wait = this.failures === 1 ? 150 : Math.min(15_000, 300 * 2 ** this.failures) * (0.5 + Math.random() / 2);
    this.told.state("lost", this.why ?? (e.reason || "The connection was lost. The shell goes on; connecting again."));
    this.why = null;
    this.retry = setTimeout(() => this.connect(), wait);
  }

  type(text) {
    this.input(encoder.encode(text));
  }

  // bytes are what mouse reports send: one byte a character.
  bytes(text) {
    this.input(Uint8Array.from(text, (c) => c.charCodeAt(0)));
  }

  input(bytes) {
    if (this.over) return;
    for (let i = 0; i < bytes.length; i += longest) {
      const part = bytes.subarray(i, i + longest);
      if (this.ready) this.ws.send(part);
      else if (this.pending.length < 100) this.pending.push(part); // typed while the connection comes back
    }
  }

  resize(cols, rows) {
    const same = this.own?.cols === cols && this.own?.rows === rows;
    this.own = { cols, rows };
    if (!same && this.ready) this.send({ type: "resize", cols, rows });
  }

  // renew forgets the session that ended.
  renew() {
    Object.assign(this, { session: "", offset: null, over: false, failures: 0, pending: [] });
    this.drop();
    this.told.state("connecting", "connecting");
    this.connect();
  }

  // drop lets a connection go whose end is nobody's business any more.
  drop() {
    if (!this.ws) return;
    this.ws.onclose = null;
    this.ws.close();
  }

  // end tells the server that the shell is not wanted any more.
  end() {
    if (this.ready) this.send({ type: "close" });
    this.over = true;
    clearTimeout(this.retry);
    this.ws?.close();
  }

  send(message) {
    this.ws.send(JSON.stringify(message));
  }
}
